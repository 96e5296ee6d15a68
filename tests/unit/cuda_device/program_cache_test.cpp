// SPDX-License-Identifier: Apache-2.0
#include "program_cache.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "support/environment.hpp"

namespace tandem::gpu {
namespace {

namespace fs = std::filesystem;

class ImageCacheTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder); }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder = fs::path(testing::TempDir()) /
                    testing::UnitTest::GetInstance()->current_test_info()->name() / "cache";
  ImageCache cache{folder};
};

TEST_F(ImageCacheTest, KeepsImagesByTheWholeKey) {
  EXPECT_FALSE(cache.find("a"));
  cache.store("a", std::string("image\0of a", 10));
  EXPECT_EQ(cache.find("a"), std::string("image\0of a", 10));
  EXPECT_FALSE(cache.find("b"));
  cache.store("a", "newer");
  EXPECT_EQ(cache.find("a"), "newer");
  // No drafts are left.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST_F(ImageCacheTest, TakesNoFileThatIsCutChangedOrAnothers) {
  cache.store("key", std::string(1000, 'x'));
  const fs::path path = cache.path_of("key");
  std::ifstream in(path, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  const auto put = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, good.size() - 1}) {
    put(good.substr(0, size));
    EXPECT_FALSE(cache.find("key")) << size;
  }
  for (std::size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = char(bad[at] ^ 1);
    put(bad);
    EXPECT_FALSE(cache.find("key")) << at;
  }
  put(good + "more");
  EXPECT_FALSE(cache.find("key"));
  ImageCache other(folder);
  other.store("kez", "image");
  fs::rename(other.path_of("kez"), path);
  EXPECT_FALSE(cache.find("key"));
  put(good);
  EXPECT_EQ(cache.find("key"), std::string(1000, 'x'));
}

TEST_F(ImageCacheTest, DoesWithoutAFolder) {
  ImageCache none{fs::path()};
  none.store("key", "image");
  EXPECT_FALSE(none.find("key"));
  fs::create_directories(folder.parent_path());
  std::ofstream(folder) << "a file in the way";
  cache.store("key", "image");
  EXPECT_FALSE(cache.find("key"));
}

TEST_F(ImageCacheTest, FolderFollowsTheEnvironment) {
  const tests::ScopedEnvironment home("HOME", "/home/me");
  {
    const tests::ScopedEnvironment set("XDG_CACHE_HOME", "/var/c");
    EXPECT_EQ(ImageCache::default_folder(), "/var/c/tandem/nvrtc");
  }
  const tests::ScopedEnvironment relative("XDG_CACHE_HOME", "relative");
  EXPECT_EQ(ImageCache::default_folder(), "/home/me/.cache/tandem/nvrtc");
}

}  // namespace
}  // namespace tandem::gpu
