// SPDX-License-Identifier: Apache-2.0
#include "signals.hpp"

#include <fmt/format.h>

#include "tandem/base/error.hpp"

namespace tandem::debug::wave {

DeviceWaves::DeviceWaves(const std::filesystem::path& path) : file_(path) {
  constexpr std::string_view kLandmark = "u_cmd.u_core.cycle_i";
  for (const WaveSignal& signal : file_.signals()) {
    if (!std::string_view(signal.path).ends_with(kLandmark)) continue;
    root_ = signal.path.substr(0, signal.path.size() - kLandmark.size());
    return;
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("waves {}: there is no signal npu_top.{}; were they recorded by rtl: "
                          "without trace_depth?",
                          path.string(), kLandmark));
}

void DeviceWaves::for_each_cycle(std::vector<const WaveSignal*> signals,
                                 const std::function<bool(const WaveScan&, std::uint64_t)>& visit,
                                 std::uint64_t from, std::uint64_t to) {
  const std::size_t clock = signals.size();
  signals.push_back(&at("clk_i"));
  WaveScan scan(file_, std::move(signals));
  // The clock is high in the first half of a cycle; inputs change with its falling edge.
  scan.run(from, to, [&](std::uint64_t time) {
    return scan.bit(clock) || visit(scan, time == 0 ? 0 : time - 1);
  });
}

}  // namespace tandem::debug::wave
