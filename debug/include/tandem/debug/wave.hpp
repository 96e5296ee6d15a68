// SPDX-License-Identifier: Apache-2.0
// A packet of a trace or case on the RTL with waves: the cycle in which it went wrong, and files
// for GTKWave that show it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::debug {

/// A place in time.
struct WaveMoment {
  std::uint64_t time = 0;   ///< In the waves; two units are a clock cycle.
  std::uint64_t cycle = 0;  ///< Of the device, as in completions, timelines and CYCLES.
};

/// The first wrong value of a recorded stage, or the first wrong write.
struct WaveFinding {
  WaveMoment at;
  std::string stage;     ///< "accumulator", "vector register", "partial sum" ..., "write beat".
  std::string place;     ///< "row 3, slot 1, column 2: k = 17", "v3, lane 5: fma v3, v1, v2".
  std::string signal;    ///< Path in the waves, with the bits of the value.
  std::string expected;  ///< Hexadecimal.
  std::string found;
};

/// The element that went wrong.
struct WaveElement {
  std::string operand;  ///< "c", "out0", "dst".
  std::string index;    ///< "[0, 0, 1, 3]".
  std::uint64_t addr = 0;
  std::string expected;  ///< Values as text, e.g. "9 (0x41100000)".
  std::string found;
};

/// A handshake that waits at the end.
struct WaveWait {
  std::string valid;  ///< Paths of the signals.
  std::string ready;
  WaveMoment since;
};

struct WaveReport {
  enum class Symptom : std::uint8_t {
    kNone,        ///< The packet did what it should.
    kData,        ///< It wrote wrong bytes, or other bytes than it should.
    kCompletion,  ///< Its bytes are right, its completion record is not.
    kHang,        ///< It did not complete.
    kProtocol,  ///< It broke a rule of the memory port or an assertion, which ended the simulation.
    kRegister,  ///< Its results are right, a register or the interrupt line is not.
  };
  Symptom symptom = Symptom::kNone;
  std::string backend;
  std::uint64_t packet = 0;  ///< Sequence number in the trace.
  std::string op;
  std::string text;      ///< The packet as `tandem dis` prints it.
  std::string expected;  ///< Completion: "checksum 0x...", "UNMAPPED at ...".
  std::string found;     ///< Likewise, or why there is none.
  std::uint64_t wrong_bytes = 0;
  std::optional<WaveElement> element;  ///< The first in time; with symptom kData.
  std::optional<WaveMoment> fetch, dispatch, completion;
  /// The earlier of both where the stages of the engine are recorded, else the write itself.
  std::optional<WaveFinding> first_wrong_value;
  std::optional<WaveFinding> first_wrong_write;
  /// Line of the vector register that takes the first wrong value.
  std::optional<unsigned> first_wrong_line;
  std::optional<WaveMoment> last_transfer;  ///< On the memory port.
  std::vector<WaveWait> waiting;            ///< Only of a hang; the longest first.
  /// Only of a hang: units that are not in the state in which the packet found them,
  /// "u_cmd.u_core.u_issue.state_q: SignalWait", "u_matrix.u_core.u_writes.idle_o: 0".
  std::vector<std::string> states;
  std::vector<std::string> in_flight;  ///< Only of a hang: "write id 1: 2 bursts unanswered".
  std::filesystem::path waves;         ///< FST file.
  std::filesystem::path view;          ///< GTKWave save file beside it.
  std::uint64_t wave_bytes = 0;
};

/// The whole trace up to the packet as RingPlayer plays it, so that it goes wrong as it did there.
struct RingReplay {
  bool together = false;  ///< As RingOptions.
  bool at_reset = false;  ///< Waves of everything, the reset included.
  /// Waves from the fetch of the packet `first` to the completion of `last`; numbers in the trace.
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string reg;  ///< RegisterDifference::name, or empty.
};

struct WaveOptions {
  /// Sequence number of the packet to look at; default: the last one, which is what a case is
  /// about.
  std::optional<std::uint64_t> packet;
  /// Cycles without any transfer after which the device counts as stuck, unless the URI says.
  std::uint64_t watchdog = 20'000;
  /// Packets of the trace that run before it. 0: it runs alone, on the memory and the programs that
  /// it finds on the cmodel; if it is right then, behind up to 64 packets, first when they have
  /// completed, then together with them. A case runs as it is.
  std::uint64_t context = 0;
  bool together = false;           ///< Do not wait for the packets before it.
  std::optional<RingReplay> ring;  ///< Instead of `context` and `together`.
  /// Check the stages of a packet that did what it should, too.
  bool every_stage = false;
};

/// Plays `trace` up to the packet on the cmodel and on `backend` (an rtl: URI), which records waves
/// from the packet's fetch to its completion into `dir`/waves.fst; compares every value that is
/// recorded with what it should be; writes `dir`/view.gtkw and what it needs. Expected bytes are
/// those of the case, or the cmodel's. Throws kInvalidArgument for another backend than rtl: or a
/// packet that the trace does not have, and as TraceReader.
WaveReport find_first_wrong(const std::filesystem::path& trace, const std::string& backend,
                            const std::filesystem::path& dir, const WaveOptions& options = {});

/// A few lines for a terminal.
std::string wave_text(const WaveReport& report);

}  // namespace tandem::debug
