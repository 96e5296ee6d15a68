// SPDX-License-Identifier: Apache-2.0
#include "watch_flags.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "cli.hpp"
#include "tandem/base/error.hpp"

namespace tandem::cli {

void add_watch_flags(CLI::App& command, WatchFlags& flags) {
  command
      .add_option("--watch", flags.ranges,
                  "Stop before the packet that reads or writes a byte of the range; with r: or w: "
                  "in front only reads or writes. Repeat it for more ranges")
      ->type_name("[r:|w:]ADDR[+LEN]")
      ->allow_extra_args(false)
      ->group("Device");
}

std::vector<driver::WatchRange> watch_ranges(const WatchFlags& flags) {
  std::vector<driver::WatchRange> ranges;
  for (const std::string& text : flags.ranges) {
    try {
      ranges.push_back(driver::parse_watch_range(text));
    } catch (const Error& error) {
      throw UsageError("--watch " + error.message());
    }
  }
  return ranges;
}

int report_stop(const driver::WatchStop& stop, Report* report) {
  if (report != nullptr) {
    const driver::WatchHit& hit = stop.hit();
    report->summary()["stopped"] = {{"watch", to_string(hit.range)},
                                    {"packet", hit.packet.seq},
                                    {"op", stop.op()},
                                    {"operand", hit.operand},
                                    {"element", hit.element},
                                    {"address", hit.addr},
                                    {"reads", hit.reads},
                                    {"writes", hit.writes},
                                    {"certain", !hit.indexed},
                                    {"place", stop.place()}};
    report->print();
  }
  std::fflush(stdout);
  fmt::print(stderr, "{} {}\n", coloured("tandem: stopped:", "1;33"), stop.what());
  return kFailure;
}

}  // namespace tandem::cli
