// SPDX-License-Identifier: Apache-2.0
// Case files as traces.
#include "tandem/debug/case_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using nlohmann::json;
using Kind = runtime::TraceRecord::Kind;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;
constexpr std::size_t kMaxPackets = 4096;
constexpr std::size_t kMaxTensors = 65536;
constexpr std::size_t kMaxText = 1024;

json element_json(const CaseElement& element) {
  return {{"operand", element.operand}, {"index", element.index}, {"addr", element.addr},
          {"type", element.type},       {"a", element.a},         {"b", element.b}};
}

std::string origin_text(const CaseOrigin& origin) {
  const auto text = [](const std::string& value) { return value.substr(0, kMaxText); };
  json header{{"model", text(origin.model)}, {"op", text(origin.op)}, {"seq", origin.number},
              {"a", text(origin.a)},         {"b", text(origin.b)},   {"seed", origin.seed}};
  if (origin.element) header["element"] = element_json(*origin.element);
  return header.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Reads the members of a JSON object of the header.
class Members {
 public:
  Members(const json& object, const std::string& path, std::string_view name)
      : object_(object), path_(path), name_(name) {
    if (!object.is_object()) fail("is no object");
  }

  std::string text(const char* key) const {
    const auto at = object_.find(key);
    if (at == object_.end()) return {};
    if (!at->is_string() || at->get_ref<const std::string&>().size() > 4 * kMaxText) {
      fail(fmt::format("member '{}': expected a short text", key));
    }
    return at->get<std::string>();
  }
  std::uint64_t number(const char* key) const {
    const auto at = object_.find(key);
    if (at == object_.end()) return 0;
    if (!at->is_number_unsigned()) {
      fail(fmt::format("member '{}': expected an unsigned number", key));
    }
    return at->get<std::uint64_t>();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: header: '{}' {}", path_, name_, what));
  }

  const json& object_;
  const std::string& path_;
  std::string_view name_;
};

CaseOrigin parse_origin(const std::string& text, const std::string& path) {
  const json header = json::parse(text);
  const Members members(header, path, "case");
  CaseOrigin origin;
  origin.model = members.text("model");
  origin.op = members.text("op");
  origin.number = members.number("seq");
  origin.a = members.text("a");
  origin.b = members.text("b");
  origin.seed = members.number("seed");
  if (header.contains("element")) {
    const Members element(header.at("element"), path, "case.element");
    origin.element = {element.text("operand"), element.text("index"), element.number("addr"),
                      element.text("type"),    element.text("a"),     element.text("b")};
  }
  return origin;
}

/// Collects the records of a case.
class CaseReader {
 public:
  explicit CaseReader(const std::string& path) : trace_(path) {
    const runtime::TraceInfo& info = trace_.info();
    if (!is_case(info)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: a trace, but no case; expected a header with a member 'case', "
                              "as bisect and diff write it",
                              path));
    }
    case_.origin = parse_origin(info.case_text, path);
    case_.config = info.config;
  }

  Case read() {
    runtime::TraceRecord record;
    while (trace_.next(record)) add(record);
    if (case_.packets.empty()) fail("has no packet");
    if (const std::size_t open = case_.packets.size() - completions_; open != 0) {
      fail(fmt::format("has {} packets without a completion", open));
    }
    if (reset_ || !writes_.empty()) fail("writes memory or resets behind its last packet");
    std::ranges::sort(case_.expected, {}, [](const MemoryPiece& piece) { return piece.addr; });
    return std::move(case_);
  }

 private:
  void add(const runtime::TraceRecord& record) {
    switch (record.kind) {
      case Kind::kTensor:
        if (case_.tensors.size() >= kMaxTensors) fail("names too many tensors");
        case_.tensors.push_back({record.addr.value, record.num_bytes, record.text});
        break;
      case Kind::kWrite:
        add_write(record);
        break;
      case Kind::kExpected:
        add_piece(case_.expected, record);
        break;
      case Kind::kOp:
        op_ = record.text;
        break;
      case Kind::kPacket:
        add_packet(record.packet);
        break;
      case Kind::kCompletion:
        add_completion(record.completion);
        break;
      case Kind::kReset:
        add_reset();
        break;
      default:
        break;
    }
  }

  void add_write(const runtime::TraceRecord& record) {
    if (case_.packets.empty()) return add_piece(case_.memory, record);
    std::vector<MemoryPiece> piece;
    add_piece(piece, record);
    const std::uint64_t completed =
        completions_ == 0 ? 0 : case_.packets[completions_ - 1].packet.seq;
    writes_.push_back({std::move(piece.front()), completed});
  }

  void add_reset() {
    if (case_.packets.empty()) fail("resets the device before its first packet");
    if (completions_ != case_.packets.size()) fail("abandons packets with a reset");
    reset_ = true;
  }

  void add_piece(std::vector<MemoryPiece>& pieces, const runtime::TraceRecord& record) {
    bytes_ += record.data.size() + sizeof(MemoryPiece);
    if (bytes_ > kMaxBytes) fail(fmt::format("holds more than {} MiB of memory", kMaxBytes >> 20));
    pieces.push_back({record.addr, {record.data.begin(), record.data.end()}});
  }

  void add_packet(const abi::Packet& packet) {
    if (case_.packets.size() >= kMaxPackets) {
      fail(fmt::format("has more than {} packets", kMaxPackets));
    }
    if (!case_.packets.empty() && packet.seq <= case_.packets.back().packet.seq) {
      fail(fmt::format("has packet seq {} behind seq {}", packet.seq,
                       case_.packets.back().packet.seq));
    }
    case_.packets.push_back(
        {packet, op_, {}, std::exchange(reset_, false), std::exchange(writes_, {})});
  }

  void add_completion(const abi::Completion& completion) {
    if (completions_ == case_.packets.size() ||
        case_.packets[completions_].packet.seq != completion.seq) {
      fail(fmt::format("has the completion of seq {} at the wrong place", completion.seq));
    }
    case_.packets[completions_++].completion = completion;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: not a usable case: it {}", trace_.info().path, what));
  }

  runtime::TraceReader trace_;
  Case case_;
  std::string op_;
  bool reset_ = false;             // Since the last packet.
  std::vector<HostWrite> writes_;  // Likewise.
  std::size_t completions_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::uint64_t Case::num_bytes() const {
  std::uint64_t total = 0;
  for (const MemoryPiece& piece : memory) total += piece.bytes.size();
  for (const CasePacket& packet : packets) {
    for (const HostWrite& write : packet.writes) total += write.piece.bytes.size();
  }
  return total;
}

bool is_case(const runtime::TraceInfo& trace) { return !trace.case_text.empty(); }

Case read_case(const std::string& path) { return CaseReader(path).read(); }

void write_case(const Case& item, const std::string& path) {
  runtime::TraceWriter trace(path, item.origin.a, item.config, origin_text(item.origin));
  for (const TraceTensor& tensor : item.tensors) {
    trace.tensor(PhysAddr(tensor.addr), tensor.num_bytes, tensor.name);
  }
  for (const MemoryPiece& piece : item.memory) trace.write(piece.addr, piece.bytes);
  std::string op;
  auto next = item.packets.begin();  // The first packet without a completion so far.
  const auto complete_to = [&](std::uint64_t seq) {
    for (; next != item.packets.end() && next->packet.seq <= seq; ++next) {
      trace.completion(next->completion);
    }
  };
  for (const CasePacket& packet : item.packets) {
    if (packet.reset) {
      complete_to(packet.packet.seq - 1);
      trace.reset();
    }
    for (const HostWrite& write : packet.writes) {
      complete_to(std::min(write.completed, packet.packet.seq - 1));
      trace.write(write.piece.addr, write.piece.bytes);
    }
    if (packet.op != op) trace.op(packet.op);
    op = packet.op;
    trace.packet(packet.packet);
  }
  complete_to(item.packets.back().packet.seq);
  for (const MemoryPiece& piece : item.expected) trace.expected(piece.addr, piece.bytes);
  trace.finish();
}

}  // namespace tandem::debug
