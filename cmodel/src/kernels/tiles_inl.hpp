// SPDX-License-Identifier: Apache-2.0
// Matrix kernels over the primitives of one instruction set. Included once by each translation
// unit after its isa_*.hpp, with TANDEM_CM_ISA the namespace of that set.
#pragma once

#include <cstring>
#include <utility>

#include "kernels/kernels.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

inline constexpr int kPanelVecs = kPanel / kWidth;

/// kWidth elements as E8M10 numbers.
template <Dtype kType>
TANDEM_CM_INLINE Vec widen_e8m10(const std::byte* p) {
  if constexpr (kType == Dtype::kF32) return round_e8m10(widen<kType>(p));
  if constexpr (kType == Dtype::kI8) return to_float(widen<kType>(p));
  return widen<kType>(p);
}

template <Dtype kType>
constexpr int element_bytes() {
  if (kType == Dtype::kF32 || kType == Dtype::kI32) return 4;
  if (kType == Dtype::kBF16 || kType == Dtype::kF16 || kType == Dtype::kU16) return 2;
  return kType == Dtype::kI64 ? 8 : 1;
}

/// As widen_e8m10 for `count` <= kWidth elements; the other lanes are 0.
template <Dtype kType>
TANDEM_CM_INLINE Vec widen_e8m10_part(const std::byte* p, int count) {
  std::byte part[kWidth * element_bytes<kType>()] = {};
  std::memcpy(part, p, std::size_t(count) * element_bytes<kType>());
  return widen_e8m10<kType>(part);
}

// ---- tiles ----

struct FmaStep {
  static TANDEM_CM_INLINE Vec step(Vec a, Vec b, Vec acc) { return fma(a, b, acc); }
};
struct PairStep {
  static TANDEM_CM_INLINE Vec step(Vec a, Vec b, Vec acc) { return multiply_pairs(a, b, acc); }
};
/// What a tile multiplies at a step: kPanelVecs vectors of each panel. `start_group` comes before
/// the first step of every args.group steps.
template <int kPanels>
struct WordLoad {
  static constexpr bool kAhead = true;
  static constexpr bool kNibbles = false;
  TANDEM_CM_INLINE void start_group(const TileArgs&, std::int64_t) {}
  TANDEM_CM_INLINE void get(const TileArgs&, const std::byte* p, int,
                            Vec (&out)[kPanelVecs]) const {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kPanelVecs; ++v) out[v] = load(p + v * 4 * kWidth);
  }
};

template <Dtype kType>
struct TypeLoad {
  template <int kPanels>
  struct Of {
    static constexpr bool kAhead = false;  // the processor sees the stream itself
    static constexpr bool kNibbles = false;
    TANDEM_CM_INLINE void start_group(const TileArgs&, std::int64_t) {}
    TANDEM_CM_INLINE void get(const TileArgs&, const std::byte* p, int,
                              Vec (&out)[kPanelVecs]) const {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) {
        out[v] = widen_e8m10<kType>(p + v * kWidth * element_bytes<kType>());
      }
    }
  };
};

template <int kPanels>
struct PairLoad {
  static constexpr bool kAhead = false;
  static constexpr bool kNibbles = false;
  TANDEM_CM_INLINE void start_group(const TileArgs&, std::int64_t) {}
  TANDEM_CM_INLINE void get(const TileArgs& args, const std::byte* p, int,
                            Vec (&out)[kPanelVecs]) const {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kPanelVecs; ++v) {
      out[v] = pair_bytes(p + v * kWidth, p + args.pair_bytes + v * kWidth);
    }
  }
};

/// Integers times the scale of their group plus its minimum.
template <bool kIsNibbles>
struct GroupLoad {
  template <int kPanels>
  struct Of {
    static constexpr bool kAhead = false;
    static constexpr bool kNibbles = kIsNibbles;
    Vec scale[kPanels][kPanelVecs];
    Vec minimum[kPanels][kPanelVecs];

    TANDEM_CM_INLINE void start_group(const TileArgs& args, std::int64_t group) {
#pragma GCC unroll kUnroll
      for (int q = 0; q < kPanels; ++q) {
        const std::int64_t at = (q * args.scale_groups + group) * kPanel;
#pragma GCC unroll kUnroll
        for (int v = 0; v < kPanelVecs; ++v) {
          // A canonical NaN gives a NaN that rounding leaves one.
          scale[q][v] = canonical(load(args.scale + at + v * kWidth));
          minimum[q][v] = canonical(load(args.minimum + at + v * kWidth));
        }
        if constexpr (kNibbles) {
          to_nibble_order(scale[q]);
          to_nibble_order(minimum[q]);
        }
      }
    }
    TANDEM_CM_INLINE void get(const TileArgs&, const std::byte* p, int q,
                              Vec (&out)[kPanelVecs]) const {
      if constexpr (kNibbles) {
        load_nibbles(p, out);
      } else {
#pragma GCC unroll kUnroll
        for (int v = 0; v < kPanelVecs; ++v) out[v] = to_float(widen<Dtype::kI8>(p + v * kWidth));
      }
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) {
        out[v] = round_e8m10_finite(fma(scale[q][v], out[v], minimum[q][v]));
      }
    }
  };
};

template <class Step, class Load, bool kKeep, int kRows, int kPanels>
void run_tile(const TileArgs& args) {
  Vec acc[kRows][kPanels][kPanelVecs];
  const auto word = [&](int r, int q, int v) {
    return args.acc + (q * kRows + r) * kPanel + v * kWidth;
  };
#pragma GCC unroll kUnroll
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll kUnroll
    for (int q = 0; q < kPanels; ++q) {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) acc[r][q][v] = load(word(r, q, v));
      if constexpr (Load::kNibbles) to_nibble_order(acc[r][q]);
    }
  }
  const std::uint32_t* a = args.a;
  const std::byte* b = args.b;
  Load loader;
  for (std::int64_t begin = 0; begin < args.steps; begin += args.group) {
    const std::int64_t end = begin + args.group < args.steps ? begin + args.group : args.steps;
    loader.start_group(args, begin / args.group);
    for (std::int64_t s = begin; s < end; ++s, a += kRows, b += args.step_bytes) {
      if constexpr (Load::kAhead) {
        __builtin_prefetch(args.ahead + (s & 31) * args.ahead_inner + (s >> 5) * args.ahead_outer);
      }
      Vec column[kPanels][kPanelVecs];
#pragma GCC unroll kUnroll
      for (int q = 0; q < kPanels; ++q) {
        loader.get(args, b + q * args.panel_bytes, q, column[q]);
        if constexpr (kKeep) {
          Vec kept[kPanelVecs];
#pragma GCC unroll kUnroll
          for (int v = 0; v < kPanelVecs; ++v) kept[v] = column[q][v];
          if constexpr (Load::kNibbles) from_nibble_order(kept);
#pragma GCC unroll kUnroll
          for (int v = 0; v < kPanelVecs; ++v) {
            store(args.keep + (q * args.keep_steps + s) * kPanel + v * kWidth, kept[v]);
          }
        }
      }
#pragma GCC unroll kUnroll
      for (int r = 0; r < kRows; ++r) {
        const Vec row = broadcast(a + r);
#pragma GCC unroll kUnroll
        for (int q = 0; q < kPanels; ++q) {
#pragma GCC unroll kUnroll
          for (int v = 0; v < kPanelVecs; ++v) {
            acc[r][q][v] = Step::step(row, column[q][v], acc[r][q][v]);
          }
        }
      }
    }
  }
#pragma GCC unroll kUnroll
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll kUnroll
    for (int q = 0; q < kPanels; ++q) {
      if constexpr (Load::kNibbles) from_nibble_order(acc[r][q]);
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) store(word(r, q, v), acc[r][q][v]);
    }
  }
}

template <class Step, template <int> class Load, bool kKeep, int kRows>
constexpr std::array<TileFn, kMaxTilePanels + 1> tiles_of_rows() {
  std::array<TileFn, kMaxTilePanels + 1> table{};
  constexpr int kMany = panels_by_rows(kRows);
  if constexpr (!kKeep || kRows > kTileRows / 2) {
    table[1] = run_tile<Step, Load<1>, kKeep, kRows, 1>;
    if constexpr (kMany >= 2) table[2] = run_tile<Step, Load<2>, kKeep, kRows, 2>;
    if constexpr (kMany >= 4) table[4] = run_tile<Step, Load<4>, kKeep, kRows, 4>;
  }
  return table;
}
template <class Step, template <int> class Load, bool kKeep, std::size_t... kRows>
constexpr TileTable tiles_of(std::index_sequence<kRows...>) {
  TileTable table{};
  ((table[kRows + 1] = tiles_of_rows<Step, Load, kKeep, int(kRows) + 1>()), ...);
  return table;
}
template <class Step, template <int> class Load, bool kKeep = false>
constexpr TileTable tiles_of() {
  return tiles_of<Step, Load, kKeep>(std::make_index_sequence<kTileRows>());
}
template <bool kKeep>
constexpr std::array<TileTable, std::size_t(BForm::kCount)> all_tiles() {
  std::array<TileTable, std::size_t(BForm::kCount)> tables{};
  const auto at = [&](BForm form) -> TileTable& { return tables[std::size_t(form)]; };
  if constexpr (!kKeep) {
    at(BForm::kWords) = tiles_of<FmaStep, WordLoad>();
    at(BForm::kPairs) = tiles_of<PairStep, WordLoad>();
  }
  at(BForm::kF32) = tiles_of<FmaStep, TypeLoad<Dtype::kF32>::template Of, kKeep>();
  at(BForm::kBF16) = tiles_of<FmaStep, TypeLoad<Dtype::kBF16>::template Of, kKeep>();
  at(BForm::kF16) = tiles_of<FmaStep, TypeLoad<Dtype::kF16>::template Of, kKeep>();
  at(BForm::kE4M3) = tiles_of<FmaStep, TypeLoad<Dtype::kE4M3>::template Of, kKeep>();
  at(BForm::kE5M2) = tiles_of<FmaStep, TypeLoad<Dtype::kE5M2>::template Of, kKeep>();
  at(BForm::kGroupU4) = tiles_of<FmaStep, GroupLoad<true>::template Of, kKeep>();
  at(BForm::kGroupI8) = tiles_of<FmaStep, GroupLoad<false>::template Of, kKeep>();
  at(BForm::kI8) = tiles_of<PairStep, PairLoad, kKeep>();
  return tables;
}

}  // namespace tandem::cmodel::TANDEM_CM_ISA
