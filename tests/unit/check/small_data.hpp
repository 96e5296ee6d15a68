// SPDX-License-Identifier: Apache-2.0
// Reference data of a few bytes: one safetensors file and cases that use it.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "unit/models_files/gguf_bytes.hpp"

namespace tandem::check::testing {

inline constexpr std::string_view kSmallFile = "small.safetensors";

/// x [2, 3], w [3, 2] and index [2] for input; neg, sum, product (with its scale) and picked as
/// references.
inline std::string small_arrays() {
  std::string header;
  std::string data;
  const auto add = [&]<class T>(const char* name, const char* dtype, const char* shape,
                                std::initializer_list<T> values) {
    header += fmt::format(R"({}"{}":{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})",
                          header.empty() ? "" : ",", name, dtype, shape, data.size(),
                          data.size() + values.size() * sizeof(T));
    data.append(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
  };
  add("x", "F32", "[2,3]", {1.0F, -2.0F, 3.0F, -4.0F, 5.0F, -6.0F});
  add("w", "F32", "[3,2]", {1.0F, 0.0F, 2.0F, 1.0F, 0.0F, 4.0F});
  add("neg", "F32", "[2,3]", {-1.0F, 2.0F, -3.0F, 4.0F, -5.0F, 6.0F});
  add("sum", "F64", "[2]", {2.0, -5.0});
  add("product", "F64", "[2,2]", {-3.0, 10.0, 6.0, -19.0});
  add("scale", "F64", "[2,2]", {5.0, 14.0, 14.0, 29.0});
  add("picked", "F32", "[2,3]", {-4.0F, 5.0F, -6.0F, 1.0F, -2.0F, 3.0F});
  add("index", "I32", "[2]", {std::int32_t{1}, std::int32_t{0}});
  return tandem::testing::safetensors_bytes("{" + header + "}", data);
}

inline constexpr const char* kNegCase =
    R"({"id":"neg","op":"neg","file":"small.safetensors",)"
    R"("inputs":{"x":{"key":"x","dtype":"f32","shape":[2,3]}},)"
    R"("outputs":{"y":{"key":"neg","dtype":"f32","shape":[2,3]}},"tolerance":{"kind":"bits"}})";
inline constexpr const char* kSumCase =
    R"({"id":"sum","op":"sum","params":{"axes":[1]},"file":"small.safetensors",)"
    R"("inputs":{"x":{"key":"x","dtype":"f32","shape":[2,3]}},)"
    R"("outputs":{"y":{"key":"sum","dtype":"f64","shape":[2]}},)"
    R"("tolerance":{"kind":"ulp","ulp":1,"abs":0}})";
inline constexpr const char* kMatmulCase =
    R"({"id":"matmul","op":"matmul","params":{"a_rows":"0:2"},"file":"small.safetensors",)"
    R"("inputs":{"a":{"key":"x","dtype":"f32","shape":[2,3]},)"
    R"("b":{"key":"w","dtype":"f32","shape":[3,2]}},)"
    R"("outputs":{"y":{"key":"product","dtype":"f64","shape":[2,2]},)"
    R"("scale":{"key":"scale","dtype":"f64","shape":[2,2]}},)"
    R"("tolerance":{"kind":"scaled","array":"scale","rel":0.001}})";
inline constexpr const char* kSelectCase =
    R"({"id":"select","op":"index_select","params":{"axis":0},"file":"small.safetensors",)"
    R"("inputs":{"x":{"key":"x","dtype":"f32","shape":[2,3]},)"
    R"("index":{"key":"index","dtype":"i32","shape":[2]}},)"
    R"("outputs":{"y":{"key":"picked","dtype":"f32","shape":[2,3]}},"tolerance":{"kind":"bits"}})";
inline constexpr const char* kSliceCase =
    R"({"id":"slice","op":"slice","params":{"axis":0,"start":0,"stop":2,"step":1},)"
    R"("file":"small.safetensors","inputs":{"x":{"key":"x","dtype":"f32","shape":[2,3]}},)"
    R"("outputs":{"y":{"key":"x","dtype":"f32","shape":[2,3]}},)"
    R"("tolerance":{"kind":"abs","abs":0.5}})";

/// index.json with all of them.
inline std::string small_index() {
  return fmt::format(R"({{"count":5,"cases":[{},{},{},{},{}]}})", kNegCase, kSumCase, kMatmulCase,
                     kSelectCase, kSliceCase);
}

}  // namespace tandem::check::testing
