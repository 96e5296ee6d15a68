// SPDX-License-Identifier: Apache-2.0
// tandem._native: the C interface for Python. The typed classes around it are in src/tandem.
#include <dlfcn.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tandem/tandem.h"
#include "tandem/tandem_ops.h"

namespace nb = nanobind;

namespace {

[[noreturn]] void raise(tandem_status status, const char* text) {
  nb::object error = nb::module_::import_("tandem.errors").attr("error_of")(int(status), text);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw nb::python_error();
}

void check(tandem_status status) {
  if (status != TANDEM_OK) raise(status, tandem_last_error());
}

using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using MutableBytes = nb::ndarray<std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// An open device. Views of its memory share it, so it stays open while there is one.
struct Handle {
  ~Handle() { tandem_close(device); }
  tandem_device* device = nullptr;
  std::mutex mutex;  // the C interface takes one thread at a time
};

// What a view of device memory keeps alive.
struct ViewOwner {
  std::shared_ptr<Handle> handle;
  nb::object buffer;
};

class Packet {
 public:
  explicit Packet(const std::string& opcode) { check(tandem_packet_init(&packet, opcode.c_str())); }
  explicit Packet(const tandem_packet& words) : packet(words) {}

  static Packet parse(const std::string& text) {
    tandem_packet parsed{};
    check(tandem_packet_parse(&parsed, text.c_str()));
    return Packet(parsed);
  }
  static Packet from_bytes(const nb::bytes& bytes) {
    tandem_packet words{};
    if (bytes.size() != sizeof(words)) {
      raise(TANDEM_INVALID_ARGUMENT, "a packet has 256 bytes");
    }
    std::memcpy(&words, bytes.c_str(), sizeof(words));
    return Packet(words);
  }
  void set(const std::string& field, std::uint64_t value) {
    check(tandem_packet_set(&packet, field.c_str(), value));
  }
  std::uint64_t get(const std::string& field) const {
    std::uint64_t value = 0;
    check(tandem_packet_get(&packet, field.c_str(), &value));
    return value;
  }
  std::string text() const {
    std::size_t size = 0;
    check(tandem_packet_print(&packet, nullptr, 0, &size));
    std::string out(size, '\0');
    check(tandem_packet_print(&packet, out.data(), out.size(), &size));
    out.resize(size - 1);
    return out;
  }
  nb::bytes to_bytes() const { return nb::bytes(&packet, sizeof(packet)); }

  tandem_packet packet{};
};

// Arguments of an op out of Python objects: tuples (addr, dtype, shape, strides), a list of them,
// ints, lists of ints, floats.
class Arguments {
 public:
  explicit Arguments(const nb::dict& given) {
    for (auto [key, value] : given) add(nb::cast<std::string>(key), value);
  }
  const std::vector<tandem_arg>& args() const { return args_; }

 private:
  static tandem_tensor tensor_of(nb::handle object) {
    const auto parts = nb::cast<nb::tuple>(object);
    tandem_tensor tensor{};
    tensor.addr = nb::cast<std::uint64_t>(parts[0]);
    tensor.dtype = nb::cast<std::uint32_t>(parts[1]);
    const auto shape = nb::cast<std::vector<std::uint64_t>>(parts[2]);
    const auto strides = nb::cast<std::vector<std::uint64_t>>(parts[3]);
    tensor.rank = static_cast<std::uint32_t>(shape.size());
    for (std::size_t i = 0; i < shape.size() && i < strides.size() && i < TANDEM_MAX_RANK; ++i) {
      tensor.shape[i] = shape[i];
      tensor.stride[i] = strides[i];
    }
    return tensor;
  }

  void add(std::string name, nb::handle value) {
    tandem_arg arg{};
    arg.name = names_.emplace_back(std::move(name)).c_str();
    const bool list = nb::isinstance<nb::list>(value);
    const bool list_of_tensors = list && nb::len(value) != 0 && nb::isinstance<nb::tuple>(value[0]);
    if (nb::isinstance<nb::tuple>(value) || list_of_tensors) {
      std::vector<tandem_tensor>& tensors = tensors_.emplace_back();
      if (list) {
        for (nb::handle one : value) tensors.push_back(tensor_of(one));
      } else {
        tensors.push_back(tensor_of(value));
      }
      arg.tensors = tensors.data();
      arg.num_tensors = tensors.size();
    } else if (nb::isinstance<nb::float_>(value)) {
      arg.number = nb::cast<double>(value);
    } else {
      std::vector<std::int64_t>& ints = ints_.emplace_back();
      ints.reserve(1);  // no integers are not the same as no list
      if (list) {
        for (nb::handle one : value) ints.push_back(nb::cast<std::int64_t>(one));
      } else {
        ints.push_back(nb::cast<std::int64_t>(nb::int_(value)));
      }
      arg.ints = ints.data();
      arg.num_ints = ints.size();
    }
    args_.push_back(arg);
  }

  std::deque<std::string> names_;  // elements stay where they are
  std::deque<std::vector<tandem_tensor>> tensors_;
  std::deque<std::vector<std::int64_t>> ints_;
  std::vector<tandem_arg> args_;
};

class Device {
 public:
  Device(const std::string& uri, const std::optional<std::string>& config,
         std::uint32_t ring_entries, std::uint64_t timeout_ns)
      : handle_(std::make_shared<Handle>()) {
    tandem_open_options options = TANDEM_OPEN_OPTIONS_INIT;
    options.config = config ? config->c_str() : nullptr;
    options.ring_entries = ring_entries;
    options.timeout_ns = timeout_ns;
    check(tandem_open(uri.c_str(), &options, &handle_->device));
  }

  void close() { handle_.reset(); }
  bool closed() const { return handle_ == nullptr; }

  nb::dict info() {
    tandem_info info{};
    info.struct_size = sizeof(info);
    call([&](tandem_device* d) { return tandem_get_info(d, &info); });
    nb::dict out;
    out["backend"] = info.backend;
    out["config"] = info.config;
    out["abi_version"] = info.abi_version;
    out["abi_hash"] = info.abi_hash;
    out["array_rows"] = info.array_rows;
    out["array_cols"] = info.array_cols;
    out["vector_lanes"] = info.vector_lanes;
    out["vector_length"] = info.vector_length;
    out["ucode_words"] = info.ucode_words;
    out["axi_data_bits"] = info.axi_data_bits;
    out["timed"] = info.timed != 0;
    out["num_regions"] = info.num_regions;
    out["packets"] = info.packets;
    out["bytes_in"] = info.bytes_in;
    out["bytes_out"] = info.bytes_out;
    return out;
  }
  nb::dict region(std::uint32_t index) {
    tandem_region region{};
    region.struct_size = sizeof(region);
    call([&](tandem_device* d) { return tandem_get_region(d, index, &region); });
    nb::dict out;
    out["name"] = region.name;
    out["base"] = region.base;
    out["size"] = region.size;
    out["used"] = region.used;
    out["largest_hole"] = region.largest_hole;
    return out;
  }

  std::uint64_t malloc(const std::string& region, std::uint64_t num_bytes, std::uint64_t align,
                       const std::optional<std::string>& label) {
    std::uint64_t addr = 0;
    const char* name = label ? label->c_str() : nullptr;
    call([&](tandem_device* d) {
      return tandem_malloc(d, region.c_str(), num_bytes, align, name, &addr);
    });
    return addr;
  }
  void free(std::uint64_t addr) {
    call([&](tandem_device* d) { return tandem_free(d, addr); });
  }
  void copy_in(std::uint64_t dst, const Bytes& src) {
    call([&](tandem_device* d) { return tandem_copy_in(d, dst, src.data(), src.size()); });
  }
  void copy_out(std::uint64_t src, const MutableBytes& dst) {
    call([&](tandem_device* d) { return tandem_copy_out(d, src, dst.data(), dst.size()); });
  }
  // Bytes as an array over the backend's own memory, which keeps the device and `owner` alive.
  nb::object window(std::uint64_t addr, std::uint64_t num_bytes, nb::object owner) {
    void* bytes = nullptr;
    call([&](tandem_device* d) { return tandem_get_window(d, addr, num_bytes, &bytes); });
    if (bytes == nullptr) return nb::none();
    auto* kept = new ViewOwner{handle_, std::move(owner)};
    nb::capsule capsule(kept, [](void* p) noexcept { delete static_cast<ViewOwner*>(p); });
    using View = nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>>;
    return nb::cast(View(bytes, {static_cast<std::size_t>(num_bytes)}, capsule));
  }
  void name_tensor(std::uint64_t addr, std::uint64_t num_bytes, const std::string& name) {
    call([&](tandem_device* d) { return tandem_name_tensor(d, addr, num_bytes, name.c_str()); });
  }

  std::uint64_t submit(const Packet& packet) {
    std::uint64_t seq = 0;
    call([&](tandem_device* d) { return tandem_submit(d, &packet.packet, &seq); });
    return seq;
  }
  std::uint16_t load_program(const std::vector<std::uint64_t>& words) {
    std::uint16_t first = 0;
    call([&](tandem_device* d) {
      return tandem_load_program(d, words.data(), static_cast<std::uint32_t>(words.size()), &first);
    });
    return first;
  }
  void load_table(std::uint32_t table, const std::vector<std::uint32_t>& words) {
    if (words.size() != 256) raise(TANDEM_INVALID_ARGUMENT, "a lookup table has 256 words");
    call([&](tandem_device* d) { return tandem_load_table(d, table, words.data()); });
  }
  void flush() { call(tandem_flush); }
  void wait(std::uint64_t seq) {
    call([&](tandem_device* d) { return tandem_wait(d, seq); });
  }
  void finish() { call(tandem_finish); }
  bool poll(std::uint64_t seq) {
    int complete = 0;
    call([&](tandem_device* d) { return tandem_poll(d, seq, &complete); });
    return complete != 0;
  }
  nb::dict completion(std::uint64_t seq) {
    tandem_completion record{};
    record.struct_size = sizeof(record);
    call([&](tandem_device* d) { return tandem_get_completion(d, seq, &record); });
    nb::dict out;
    out["seq"] = record.seq;
    out["error"] = record.error;
    out["opcode"] = record.opcode;
    out["fault_addr"] = record.fault_addr;
    out["checksum"] = record.checksum;
    out["cycles"] = record.cycles;
    out["start_cycle"] = record.start_cycle;
    return out;
  }

  void begin_op(const std::string& name) {
    call([&](tandem_device* d) { return tandem_begin_op(d, name.c_str()); });
  }
  void end_op() { call(tandem_end_op); }
  void run_op(const std::string& name, const nb::dict& given) {
    const Arguments arguments(given);
    call([&](tandem_device* d) {
      return tandem_run_op(d, name.c_str(), arguments.args().data(), arguments.args().size());
    });
  }
  std::string take_findings() {
    std::size_t size = 0;
    call([&](tandem_device* d) { return tandem_take_findings(d, nullptr, 0, &size); });
    std::string out(size, '\0');
    call([&](tandem_device* d) { return tandem_take_findings(d, out.data(), out.size(), &size); });
    out.resize(std::strlen(out.c_str()));
    return out;
  }

  void snapshot(const std::string& path, const std::optional<std::string>& base) {
    const char* on = base ? base->c_str() : nullptr;
    call([&](tandem_device* d) { return tandem_snapshot(d, path.c_str(), on); });
  }
  void restore(const std::string& path) {
    call([&](tandem_device* d) { return tandem_restore(d, path.c_str()); });
  }
  void start_recording(const std::string& path) {
    call([&](tandem_device* d) { return tandem_start_recording(d, path.c_str()); });
  }
  void stop_recording() { call(tandem_stop_recording); }

 private:
  // Other Python threads run meanwhile; those that use the same device wait.
  template <class F>
  void call(F&& function) {
    const std::shared_ptr<Handle> handle = handle_;
    if (handle == nullptr) raise(TANDEM_INVALID_ARGUMENT, "the device is closed");
    tandem_status status = TANDEM_OK;
    {
      const nb::gil_scoped_release other_threads;
      const std::lock_guard lock(handle->mutex);
      status = function(handle->device);
    }
    check(status);
  }

  std::shared_ptr<Handle> handle_;
};

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; tandem_op_name(i) != nullptr; ++i) names.emplace_back(tandem_op_name(i));
  return names;
}

// The file of libtandem.so, beside which its programs are.
std::string library_path() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&tandem_open), &info) == 0 || info.dli_fname == nullptr) {
    return "";
  }
  return info.dli_fname;
}

}  // namespace

NB_MODULE(_native, m) {
  m.def("op_names", op_names);
  m.def("library_path", library_path);
  nb::class_<Packet>(m, "Packet")
      .def(nb::init<const std::string&>(), nb::arg("opcode"))
      .def_static("parse", &Packet::parse, nb::arg("text"))
      .def_static("from_bytes", &Packet::from_bytes, nb::arg("data"))
      .def("set", &Packet::set, nb::arg("field"), nb::arg("value"))
      .def("get", &Packet::get, nb::arg("field"))
      .def("text", &Packet::text)
      .def("to_bytes", &Packet::to_bytes);
  nb::class_<Device>(m, "Device")
      .def(nb::init<const std::string&, const std::optional<std::string>&, std::uint32_t,
                    std::uint64_t>(),
           nb::arg("uri"), nb::arg("config").none(), nb::arg("ring_entries"), nb::arg("timeout_ns"))
      .def("close", &Device::close)
      .def_prop_ro("closed", &Device::closed)
      .def("info", &Device::info)
      .def("region", &Device::region)
      .def("malloc", &Device::malloc, nb::arg("region"), nb::arg("num_bytes"), nb::arg("align"),
           nb::arg("label").none())
      .def("free", &Device::free)
      .def("copy_in", &Device::copy_in)
      .def("copy_out", &Device::copy_out)
      .def("window", &Device::window)
      .def("name_tensor", &Device::name_tensor)
      .def("submit", &Device::submit)
      .def("load_program", &Device::load_program)
      .def("load_table", &Device::load_table)
      .def("flush", &Device::flush)
      .def("wait", &Device::wait)
      .def("finish", &Device::finish)
      .def("poll", &Device::poll)
      .def("completion", &Device::completion)
      .def("begin_op", &Device::begin_op)
      .def("end_op", &Device::end_op)
      .def("run_op", &Device::run_op)
      .def("take_findings", &Device::take_findings)
      .def("snapshot", &Device::snapshot, nb::arg("path"), nb::arg("base").none())
      .def("restore", &Device::restore)
      .def("start_recording", &Device::start_recording)
      .def("stop_recording", &Device::stop_recording);
}
