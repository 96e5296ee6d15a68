// SPDX-License-Identifier: Apache-2.0
#include "proof/host_proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <random>
#include <utility>

#include "packetgen/dma_cases.hpp"
#include "packetgen/matrix_cases.hpp"
#include "packetgen/vector_cases.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/cmodel/engine.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/driver/in_process_backend.hpp"

namespace tandem::gpu {
namespace {

using abi::Opcode;

constexpr std::uint64_t kFirstBank = packetgen::kOperandBase;
constexpr std::uint64_t kSecondBank = packetgen::kUcodeBase;
constexpr std::uint64_t kBankBytes = 8 << 20;
constexpr std::uint64_t kTables = kSecondBank + 0x1'0000;  // behind any program
constexpr std::uint64_t kWords = kSecondBank + kBankBytes - 4096;

driver::DeviceConfig proof_config() {
  driver::DeviceConfig config;
  config.name = "proof";
  config.regions = {{"commands", PhysAddr(0x8000'0000), 1 << 20},
                    {"first", PhysAddr(kFirstBank), kBankBytes},
                    {"second", PhysAddr(kSecondBank), kBankBytes}};
  return config;
}

/// One of the two devices.
class Side {
 public:
  Side(std::unique_ptr<driver::Backend> backend, const driver::DeviceConfig& config)
      : ram_(backend->ram()), driver_(std::move(backend), config) {
    driver_.start();
  }

  void write(std::uint64_t addr, std::span<const std::byte> bytes) { ram_->write(addr, bytes); }
  /// What the packet ends with: its completion, or the message of its error.
  struct End {
    abi::Completion completion;
    std::string error;
  };
  End run(const abi::Packet& packet) {
    try {
      const std::uint64_t seq = driver_.submit_packet(packet);
      driver_.wait(seq);
      return {driver_.completion(seq).value(), {}};
    } catch (const Error& error) {
      return {{}, error.what()};
    }
  }
  /// Pages of the two banks that are not all zero.
  std::map<std::uint64_t, std::vector<std::byte>> contents() const {
    std::map<std::uint64_t, std::vector<std::byte>> pages;
    ram_->for_each_page([&](std::uint64_t addr, std::span<const std::byte> page) {
      if (in_bank(addr, kFirstBank) || in_bank(addr, kSecondBank)) {
        pages.emplace(addr, std::vector<std::byte>(page.begin(), page.end()));
      }
    });
    return pages;
  }
  void clear() {
    ram_->discard(kFirstBank, kBankBytes);
    ram_->discard(kSecondBank, kBankBytes);
  }

 private:
  static bool in_bank(std::uint64_t addr, std::uint64_t base) {
    return addr >= base && addr - base < kBankBytes;
  }

  std::shared_ptr<driver::SparseRam> ram_;
  driver::Driver driver_;
};

/// First byte that differs, or "".
std::string difference_of(const std::map<std::uint64_t, std::vector<std::byte>>& a,
                          const std::map<std::uint64_t, std::vector<std::byte>>& b) {
  const std::vector<std::byte> zeros(driver::SparseRam::kPageBytes);
  const auto page_of = [&](const auto& pages, std::uint64_t addr) -> const auto& {
    const auto found = pages.find(addr);
    return found == pages.end() ? zeros : found->second;
  };
  for (const auto* pages : {&a, &b}) {
    for (const auto& [addr, unused] : *pages) {
      const auto& x = page_of(a, addr);
      const auto& y = page_of(b, addr);
      const auto differs = std::mismatch(x.begin(), x.end(), y.begin());
      if (differs.first == x.end()) continue;
      return fmt::format("byte {:#x} is {:#04x} on the cmodel and {:#04x} on the GPU's kernels",
                         addr + std::uint64_t(differs.first - x.begin()),
                         std::to_integer<unsigned>(*differs.first),
                         std::to_integer<unsigned>(*differs.second));
    }
  }
  return {};
}

std::string difference_of(const Side::End& a, const Side::End& b) {
  if (a.error != b.error) {
    return fmt::format("error '{}' on the cmodel, '{}' on the GPU's kernels", a.error, b.error);
  }
  if (std::memcmp(&a.completion, &b.completion, sizeof a.completion) == 0) return {};
  return fmt::format("checksum {:#x} on the cmodel, {:#x} on the GPU's kernels",
                     a.completion.checksum, b.completion.checksum);
}

/// Both devices and what was found.
class Prover {
 public:
  Prover(const ProofOptions& options, const ProofVariant& variant, std::uint64_t seed,
         std::map<Opcode, KindProof>& kinds)
      : kinds_(kinds),
        reference_(std::make_unique<driver::InProcessBackend>(
                       "cmodel:proof", config_,
                       std::make_unique<cmodel::NpuEngine>(cmodel::Options{.threads = 1})),
                   config_),
        device_(options.device ? options.device(config_, variant)
                               : make_host_backend(config_, variant.options, variant.order),
                config_),
        random_(seed),
        cases_(seed),
        dma_(seed) {}

  void run(unsigned packets) {
    control_packets();
    for (unsigned n = 0; n < packets; ++n) {
      matmul(n);
      if (n % 4 == 3) dense_matmul(n / 4);
      if (n % 4 == 3) dense_gather(n / 4);
      vector(n);
      dma(dma_.copy());
      dma(dma_.fill());
      dma(dma_.gather());
      dma(dma_.scatter_add());
    }
  }

 private:
  void clear() {
    reference_.clear();
    device_.clear();
  }
  template <class Bytes>
  void write(std::uint64_t addr, const Bytes& bytes) {
    reference_.write(addr, std::as_bytes(std::span(bytes)));
    device_.write(addr, std::as_bytes(std::span(bytes)));
  }

  /// The packet on both devices; notes the first difference of its kind.
  template <class P>
  void compare(const P& typed) {
    const abi::Packet packet = abi::to_packet(typed);
    KindProof& kind = kinds_[packet.opcode];
    const Side::End a = reference_.run(packet);
    const Side::End b = device_.run(packet);
    std::string found = difference_of(a, b);
    // The destination of a packet that fails is not defined.
    if (found.empty() && a.error.empty()) {
      found = difference_of(reference_.contents(), device_.contents());
    }
    ++kind.packets;
    if (kind.difference.empty() && !found.empty()) {
      kind.difference = fmt::format("packet {}: {}", kind.packets, found);
    }
  }

  void control_packets() {
    clear();
    compare(abi::NopPacket{});
    abi::SignalPacket signal;
    for (const std::uint8_t bytes : {4, 8}) {
      signal.elem_bytes = bytes;
      signal.addr = kWords + 8;
      signal.value = bytes == 4 ? 0x89ab'cdef : 0x0123'4567'89ab'cdef;
      compare(signal);
    }
    abi::WaitPacket wait;
    wait.addr = kWords + 8;
    wait.mask = 0xff;
    wait.value = 0xef;
    wait.cycle_limit = 1'000'000'000;
    compare(wait);
    compare(abi::FencePacket{});
  }

  void matmul(unsigned n) {
    clear();
    // One in eight has several tiles in every direction.
    const packetgen::MatrixLimits limits =
        n % 8 == 7 ? packetgen::MatrixLimits{.m = 150, .n = 180, .k = 140}
                   : packetgen::MatrixLimits{.m = 40, .n = 100, .k = 90};
    const packetgen::MatrixCase made = packetgen::random_matrix_case(random_, limits);
    for (const auto& data : made.data) write(data.addr, data.bytes);
    compare(made.packet);
  }

  /// Shapes and addresses as models have them, where four elements move at once and steps of k are
  /// whole; random cases rarely are.
  void dense_matmul(unsigned n) {
    using abi::Dtype;
    clear();
    const struct {
      Dtype a, b, c;
    } types[] = {
        {Dtype::kF32, Dtype::kF32, Dtype::kF32},  {Dtype::kBF16, Dtype::kBF16, Dtype::kBF16},
        {Dtype::kF16, Dtype::kF16, Dtype::kF16},  {Dtype::kI8, Dtype::kI8, Dtype::kI32},
        {Dtype::kF32, Dtype::kBF16, Dtype::kF32}, {Dtype::kE4M3, Dtype::kE5M2, Dtype::kBF16},
        {Dtype::kBF16, Dtype::kF16, Dtype::kF16}, {Dtype::kI8, Dtype::kI8, Dtype::kF16}};
    const auto& type = types[n % std::size(types)];
    abi::MatmulPacket p;
    p.m = n % 3 == 0 ? 8 : 136;
    p.n = 160;
    p.k = n % 2 == 0 ? 256 : 272;
    p.batch0 = 1;
    p.batch1 = 2;
    p.a_type = type.a;
    p.b_type = type.b;
    p.c_type = type.c;
    p.a_layout = n % 4 == 3 ? abi::ALayout::kCols : abi::ALayout::kRows;
    p.b_layout = abi::BLayout(n % 3);
    const auto bytes = [](Dtype dtype, std::uint64_t count) {
      return count * abi::dtype_bits(dtype) / 8;
    };
    p.a_row_stride = bytes(p.a_type, p.a_layout == abi::ALayout::kRows ? p.k : p.m);
    p.a_batch1_stride = bytes(p.a_type, std::uint64_t{p.m} * p.k);
    const std::uint64_t b_rows[] = {p.n, p.k, std::uint64_t{32} * p.k};  // KN, NK, PANELS
    p.b_row_stride = bytes(p.b_type, b_rows[n % 3]);
    p.c_row_stride = bytes(p.c_type, p.n);
    p.c_batch1_stride = p.c_row_stride * p.m;
    p.a_addr = kFirstBank;
    p.b_addr = kFirstBank + kBankBytes / 2;
    p.c_addr = kSecondBank;
    fill(p.a_type, p.a_addr, std::uint64_t{2} * p.m * p.k);
    fill(p.b_type, p.b_addr, std::uint64_t{p.k} * p.n);
    if (p.a_type == Dtype::kI8 && p.c_type != Dtype::kI32) {
      p.scale_mode = abi::ScaleMode::kRowCol;
      p.scale_type = Dtype::kF32;
      p.a_scale_addr = kFirstBank + kBankBytes / 4;
      p.b_scale_addr = p.a_scale_addr + 4096;
      fill(Dtype::kF32, p.a_scale_addr, p.m);
      fill(Dtype::kF32, p.b_scale_addr, p.n);
    } else if (n % 5 == 4) {
      p.init_mode = abi::InitMode::kAccumulate;
      fill(p.c_type, p.c_addr, std::uint64_t{2} * p.m * p.n);
    }
    compare(p);
  }

  /// Rows of 16 to 256 bytes, as of embeddings.
  void dense_gather(unsigned n) {
    clear();
    abi::GatherPacket p;
    p.elem_bytes = std::uint8_t(1u << n % 4);
    p.extent0 = 1;
    p.extent1 = 100;
    p.extent2 = (16u << n % 5) / p.elem_bytes;
    p.limit = 50;
    p.index_type = abi::Dtype::kI32;
    const std::uint64_t row = std::uint64_t{p.extent2} * p.elem_bytes;
    p.src_addr = kFirstBank;
    p.src_index_stride = row;
    p.src_stride2 = p.dst_stride2 = p.elem_bytes;
    p.dst_addr = kSecondBank;
    p.dst_stride1 = row;
    p.index_addr = kFirstBank + kBankBytes / 2;
    p.index_stride1 = 4;
    std::vector<std::uint32_t> indices(p.extent1);
    // The last one is out of range now and then.
    for (std::uint32_t& index : indices) index = std::uint32_t(cases_.below(p.limit));
    if (n % 7 == 6) indices.back() = p.limit;
    write(p.index_addr, indices);
    fill(abi::Dtype::kI8, p.src_addr, p.limit * row);
    compare(p);
  }

  /// Random elements of a type.
  void fill(abi::Dtype type, std::uint64_t addr, std::uint64_t count) {
    std::vector<std::byte> bytes(count * abi::dtype_bits(type) / 8);
    packetgen::fill_random(cases_, type, cases_.one_in(3), bytes.data(), count);
    write(addr, bytes);
  }

  void vector(unsigned n) {
    clear();
    const packetgen::VectorCase made =
        packetgen::random_vector_case(cases_, n % 8 == 7 ? 1500 : 300);
    for (const auto& data : made.data) write(data.addr, data.bytes);
    std::vector<std::uint32_t> table(abi::kTableWords);
    for (const unsigned t : {0u, 1u}) {
      for (std::uint32_t& word : table) word = cases_.word();
      write(kTables + t * table.size() * 4, table);
      compare(packetgen::load_table(t, kTables + t * table.size() * 4));
    }
    // The words before the program are loaded as well, as a program may start anywhere.
    std::vector<std::uint64_t> words(made.packet.ucode_start);
    words.insert(words.end(), made.program.begin(), made.program.end());
    write(kSecondBank, words);
    compare(packetgen::load_program(0, std::uint32_t(words.size())));
    compare(made.packet);
  }

  void dma(const packetgen::PacketCase& made) {
    clear();
    for (const auto& data : made.data) write(data.addr, data.bytes);
    compare(made.packet);
  }

  std::map<Opcode, KindProof>& kinds_;
  driver::DeviceConfig config_ = proof_config();
  Side reference_;
  Side device_;
  std::mt19937_64 random_;
  packetgen::Random cases_;
  packetgen::PacketMaker dma_;
};

}  // namespace

std::uint64_t HostProof::packets() const {
  std::uint64_t all = 0;
  for (const KindProof& kind : kinds) all += kind.packets;
  return all;
}

double HostProof::share() const {
  const auto proven = std::count_if(kinds.begin(), kinds.end(),
                                    [](const KindProof& kind) { return kind.proven(); });
  return kinds.empty() ? 0 : double(proven) / double(kinds.size());
}

HostProof prove_on_host(const ProofOptions& options) {
  std::map<Opcode, KindProof> kinds;
  for (unsigned code = 0; code < 256; ++code) {
    if (const abi::OpcodeInfo* info = abi::find_opcode(std::uint8_t(code))) {
      kinds[info->opcode].name = info->name;
    }
  }
  const ProofVariant variants[] = {{{MatmulTiles::kAuto, 2}, {.reversed = true}},
                                   {{MatmulTiles::kSkinny, 0}, {.reversed = false}},
                                   {{MatmulTiles::kMid, 3}, {.reversed = true}},
                                   {{MatmulTiles::kBig, 0}, {.reversed = false}}};
  std::uint64_t seed = options.seed * 0x9e37'79b9'7f4a'7c15;
  for (const ProofVariant& variant : variants) {
    Prover(options, variant, ++seed, kinds).run(options.packets);
  }
  HostProof proof;
  for (auto& [opcode, kind] : kinds) proof.kinds.push_back(std::move(kind));
  return proof;
}

}  // namespace tandem::gpu
