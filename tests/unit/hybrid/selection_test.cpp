// SPDX-License-Identifier: Apache-2.0
#include "selection.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "support/errors.hpp"

namespace tandem::hybrid {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

TEST(Selection, ChoosesByNumber) {
  const Selection selection(Options{{"packets", "5,10-12"}});
  for (const std::uint64_t seq : {5, 10, 11, 12}) EXPECT_TRUE(selection.has(seq, ""));
  for (const std::uint64_t seq : {4, 6, 9, 13}) EXPECT_FALSE(selection.has(seq, ""));
  EXPECT_FALSE(selection.needs_ops());
  const Selection every(Options{{"every", "3"}});
  EXPECT_TRUE(every.has(3, "") && every.has(6, "") && !every.has(4, ""));
}

TEST(Selection, ChoosesByLayer) {
  const Selection selection(Options{{"layers", "17,3-4,output"}});
  EXPECT_TRUE(selection.has(1, "layer.17/sdpa/block"));
  EXPECT_TRUE(selection.has(1, "layer.4"));
  EXPECT_TRUE(selection.has(1, "output/linear"));
  EXPECT_FALSE(selection.has(1, "layer.1/linear"));
  EXPECT_FALSE(selection.has(1, "layer.170/linear"));
  EXPECT_FALSE(selection.has(1, "17"));
  EXPECT_FALSE(selection.has(1, ""));
}

TEST(Selection, ChoosesByOp) {
  const Selection selection(Options{{"ops", "*/linear,layer.?/rms*"}});
  EXPECT_TRUE(selection.has(1, "layer.17/linear"));
  EXPECT_TRUE(selection.has(1, "layer.3/rmsnorm"));
  EXPECT_FALSE(selection.has(1, "layer.17/rmsnorm"));
  EXPECT_FALSE(selection.has(1, "layer.17/linear/x"));
  EXPECT_TRUE(Selection(Options{{"ops", "*a*b*"}}).has(1, "xaybz"));
  EXPECT_FALSE(Selection(Options{{"ops", "*a*b"}}).has(1, "xaybz"));
}

TEST(Selection, RefusesWhatItCannotRead) {
  using tests::expect_error;
  expect_error(ErrorCode::kInvalidArgument, {"packets is '9-5'", "812-830"}, [] {
    Selection selection(Options{{"packets", "9-5"}});
  });
  expect_error(ErrorCode::kInvalidArgument, {"packets is 'x'"}, [] {
    Selection selection(Options{{"packets", "1,x"}});
  });
  expect_error(ErrorCode::kInvalidArgument, {"every is '0'"}, [] {
    Selection selection(Options{{"every", "0"}});
  });
  expect_error(ErrorCode::kInvalidArgument, {"layers is '1,,2'", "empty entries"}, [] {
    Selection selection(Options{{"layers", "1,,2"}});
  });
  EXPECT_FALSE(Selection(Options()).names_any());
}

}  // namespace
}  // namespace tandem::hybrid
