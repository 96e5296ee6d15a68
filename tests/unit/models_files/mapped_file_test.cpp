// SPDX-License-Identifier: Apache-2.0
// Mapping of files.
#include "tandem/models/files/mapped_file.hpp"

#include <sys/stat.h>

#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::expect_error;
using tandem::testing::TempDir;

TEST(MappedFile, MapsWholeFilesAndKeepsTheirAddress) {
  const TempDir dir;
  const std::string text(10000, 'x');
  MappedFile file = MappedFile::open(dir.write("a", text));
  const std::byte* address = file.bytes().data();
  EXPECT_EQ(file.size(), text.size());
  MappedFile moved = std::move(file);
  EXPECT_EQ(moved.bytes().data(), address);
  EXPECT_EQ(file.size(), 0u);
  file = std::move(moved);
  EXPECT_EQ(std::memcmp(file.bytes().data(), text.data(), text.size()), 0);
}

TEST(MappedFile, AdviseDoneTakesAnyRange) {
  const TempDir dir;
  const std::string text(20000, 'y');
  const MappedFile file = MappedFile::open(dir.write("a", text));
  for (const std::uint64_t offset : {0ull, 1ull, 4096ull, 19999ull, 20000ull, ~0ull}) {
    for (const std::uint64_t count : {0ull, 1ull, 5000ull, ~0ull}) file.advise_done(offset, count);
  }
  EXPECT_EQ(std::memcmp(file.bytes().data(), text.data(), text.size()), 0);
  MappedFile().advise_done(0, 100);
}

TEST(MappedFile, OpensEmptyFiles) {
  const TempDir dir;
  EXPECT_TRUE(MappedFile::open(dir.write("a", "")).bytes().empty());
}

TEST(MappedFileBad, RefusesPipesWithoutWaiting) {
  const TempDir dir;
  const auto path = dir.path() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_error(ErrorCode::kInvalidArgument, {"expected a regular file"},
               [&] { MappedFile::open(path); });
}

}  // namespace
}  // namespace tandem::models
