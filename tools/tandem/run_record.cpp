// SPDX-License-Identifier: Apache-2.0
#include "run_record.hpp"

#include <vector>

#include "run_session.hpp"

namespace tandem::cli {

void record_run(RunOptions& options, const std::string& trace) {
  check_run_options(options);
  if (options.is_conversation()) {
    throw UsageError(
        "--chat: a conversation cannot be recorded here; add --prompt or "
        "--prompt-file, or use `tandem run --record`");
  }
  options.generate.stop_at_eos = !options.ignore_eos;
  RunSession session(options);
  session.device().start_recording(trace);
  const std::vector<std::vector<models::TokenId>> prompts(options.batch, session.prompt_ids());
  models::Generator generator(session.model(), options.batch, cache_dtype(options));
  generator.generate(prompts, options.generate, {});
  session.device().stop_recording();
}

}  // namespace tandem::cli
