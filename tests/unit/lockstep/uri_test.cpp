// SPDX-License-Identifier: Apache-2.0
// URIs of backends that stand for other backends.
#include <gtest/gtest.h>

#include "support/errors.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::driver {
namespace {

using tests::expect_error;

TEST(NestedUri, EveryPartKeepsItsOptions) {
  const BackendUri uri = parse_uri("lockstep:cmodel:edge?threads=1,faulty:edge?seq=3&bit=5");
  EXPECT_EQ(uri.name, "lockstep");
  EXPECT_TRUE(uri.options.empty());
  const std::vector<BackendUri> parts = backends_of(uri);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].to_string(), "cmodel:edge?threads=1");
  EXPECT_EQ(parts[1].to_string(), "faulty:edge?bit=5&seq=3");
  EXPECT_EQ(parse_uri(uri.to_string()).body, uri.body);
}

// Values may hold commas and colons: a comma ends a URI only before the name of a backend.
TEST(NestedUri, CommasInValues) {
  const auto parts =
      backends_of(parse_uri("lockstep:null:a?errors=slverr:1,decerr:2,cmodel?threads=1"));
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].get("errors", ""), "slverr:1,decerr:2");
  EXPECT_EQ(parts[1].name, "cmodel");
}

TEST(NestedUri, OrdinaryUrisStandForThemselves) {
  const auto parts = backends_of(parse_uri("cmodel:edge?threads=2"));
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].to_string(), "cmodel:edge?threads=2");
}

TEST(NestedUri, OneConfiguration) {
  EXPECT_EQ(named_config(parse_uri("cmodel:tiny")), "tiny");
  EXPECT_EQ(named_config(parse_uri("lockstep:cmodel:tiny,null:tiny")), "tiny");
  EXPECT_EQ(named_config(parse_uri("lockstep:cmodel,null:tiny")), "tiny");
  EXPECT_EQ(named_config(parse_uri("lockstep:cmodel,null")), "");
  expect_error(ErrorCode::kInvalidArgument, {"lockstep:cmodel:edge,null:tiny", "edge", "tiny"},
               [] { named_config(parse_uri("lockstep:cmodel:edge,null:tiny")); });
}

TEST(NestedUri, TwoAreNeeded) {
  const DeviceConfig config;
  expect_error(ErrorCode::kInvalidArgument, {"two backends", "found 1 (cmodel:)"},
               [&] { open_backend("lockstep:cmodel:", config); });
  expect_error(ErrorCode::kInvalidArgument, {"two backends", "found 3"},
               [&] { open_backend("lockstep:cmodel,null,null", config); });
  // The second is unknown, so the comma belongs to the first.
  expect_error(ErrorCode::kInvalidArgument, {"two backends", "cmodel:edge,rlt"},
               [&] { open_backend("lockstep:cmodel:edge,rlt", config); });
  expect_error(ErrorCode::kInvalidArgument, {"no option \"speed\"", "threads"},
               [&] { open_backend("lockstep:cmodel?speed=2,null", config); });
}

}  // namespace
}  // namespace tandem::driver
