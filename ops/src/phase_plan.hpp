// SPDX-License-Identifier: Apache-2.0
// What one phase of a micro-program has to compute, and its operations in an order, before
// registers are assigned.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tandem/ops/ucode_builder.hpp"

namespace tandem::ops {

/// An operation of a phase before registers are assigned. Values are graph nodes.
struct Step {
  abi::MicroOp op = abi::MicroOp{};
  std::uint32_t value = kNoValue;  ///< Node that the step computes.
  std::uint8_t number = 0;         ///< Input of ld, output of st and sts.
  std::uint8_t num_args = 0;
  std::array<std::uint32_t, 3> arg{};
  static constexpr std::uint32_t kNoValue = 0xFFFFFFFFu;
};

/// Nodes that a phase needs.
struct PhaseNeeds {
  std::vector<std::uint32_t>
      scalars;  ///< Operations whose value is one a row, ascending (arguments first).
  std::vector<std::uint32_t>
      vectors;  ///< Inputs and operations that vary within the row, ascending.
  std::vector<std::uint32_t> reductions;  ///< Computed in this phase.
  std::vector<std::uint32_t> results;     ///< Reductions of earlier phases that this phase reads.
};

/// Needs of every phase of the outputs; as many phases as the outputs demand.
std::vector<PhaseNeeds> plan_phases(Graph& graph, std::span<const ProgramOutput> outputs);

/// The vector operations of a phase in one of several orders, loads just before their first use,
/// stores last.
enum class StepOrder : std::uint8_t { kAsTraced, kDeepFirst, kFewestLive, kReload };
inline constexpr std::array kStepOrders = {StepOrder::kAsTraced, StepOrder::kDeepFirst,
                                           StepOrder::kFewestLive, StepOrder::kReload};
std::vector<Step> order_steps(const Graph& graph, const PhaseNeeds& needs,
                              std::span<const std::uint32_t> vectorised,
                              std::span<const std::uint32_t> stored, StepOrder order);

}  // namespace tandem::ops
