// SPDX-License-Identifier: Apache-2.0
// Packets by the names of their fields.
#include <cstring>
#include <string>
#include <string_view>

#include "guard.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"

namespace abi = tandem::abi;
using tandem::c::given;
using tandem::c::given_text;
using tandem::c::guarded;
using tandem::c::refuse;

namespace {

const abi::OpcodeInfo& opcode_of(const tandem_packet& packet) {
  const auto opcode = static_cast<std::uint8_t>(packet.words[0]);
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  if (info == nullptr) {
    refuse(
        fmt::format("the packet has opcode {:#04x}, which has no named fields; begin with "
                    "tandem_packet_init",
                    opcode));
  }
  return *info;
}

const abi::FieldInfo& field_of(const tandem_packet& packet, const char* name) {
  const abi::OpcodeInfo& opcode = opcode_of(packet);
  const abi::FieldInfo* field =
      abi::find_field(opcode, std::string_view(given_text(name, "field")));
  if (field == nullptr) {
    std::string names;
    for (const abi::FieldInfo& known : opcode.fields) {
      names += names.empty() ? "" : ", ";
      names += known.name;
    }
    refuse(fmt::format("{} has no field '{}'; it has {}", opcode.name, name, names));
  }
  return *field;
}

}  // namespace

tandem_status tandem_packet_init(tandem_packet* packet, const char* opcode) {
  static_assert(sizeof(tandem_packet) == sizeof(abi::Packet));
  return guarded([&] {
    given(packet, "packet") = {};
    const abi::OpcodeInfo* info = abi::find_opcode(std::string_view(given_text(opcode, "opcode")));
    if (info == nullptr) {
      std::string names;
      for (const abi::OpcodeInfo& known : abi::opcodes()) {
        names += names.empty() ? "" : ", ";
        names += known.name;
      }
      refuse(fmt::format("no opcode '{}'; there are {}", opcode, names));
    }
    abi::Packet start;
    start.opcode = info->opcode;
    start.wait_mask = abi::kWaitAll;
    std::memcpy(static_cast<void*>(packet), &start, sizeof(start));
  });
}

tandem_status tandem_packet_set(tandem_packet* packet, const char* field, uint64_t value) {
  return guarded([&] {
    const abi::FieldInfo& info = field_of(given(packet, "packet"), field);
    if (info.width < 64 && value >> info.width != 0) {
      refuse(fmt::format("field '{}' has {} bits, {:#x} does not fit", field, info.width, value));
    }
    std::memcpy(reinterpret_cast<char*>(packet) + info.at, &value, info.width / 8u);
  });
}

tandem_status tandem_packet_get(const tandem_packet* packet, const char* field,
                                uint64_t* out_value) {
  return guarded([&] {
    const abi::FieldInfo& info = field_of(given(packet, "packet"), field);
    given(out_value, "out_value") = 0;
    std::memcpy(out_value, reinterpret_cast<const char*>(packet) + info.at, info.width / 8u);
  });
}

tandem_status tandem_packet_parse(tandem_packet* packet, const char* text) {
  return guarded([&] {
    const abi::Packet parsed = abi::assemble_packet(given_text(text, "text"), {"text", 1});
    std::memcpy(static_cast<void*>(&given(packet, "packet")), &parsed, sizeof(parsed));
  });
}

tandem_status tandem_packet_print(const tandem_packet* packet, char* buffer, size_t size,
                                  size_t* out_size) {
  return guarded([&] {
    abi::Packet copy;
    std::memcpy(static_cast<void*>(&copy), &given(packet, "packet"), sizeof(copy));
    const std::string text = abi::disassemble(copy);
    given(out_size, "out_size") = text.size() + 1;
    if (buffer != nullptr && size > text.size()) {
      std::memcpy(buffer, text.c_str(), text.size() + 1);
    }
  });
}
