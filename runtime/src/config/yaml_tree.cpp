// SPDX-License-Identifier: Apache-2.0
// Builds the tree from yaml-cpp's events, so that nothing is expanded and every limit is checked on
// the way.
#include "yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

[[noreturn]] void fail(const std::string& file, int line, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, line > 0 ? fmt::format("{}:{}: {}", file, line, what)
                                                    : fmt::format("{}: {}", file, what));
}

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse(mark, "?", anchor);
    YamlNode node;
    node.line = mark.line + 1;
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(file_, mark.line + 1, "aliases (*name) are not supported; write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse(mark, tag, anchor);
    YamlNode node;
    node.line = mark.line + 1;
    node.kind = YamlNode::Kind::kScalar;
    node.text = value;
    node.quoted = tag == "!";
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

  YamlNode take() { return std::move(root_); }

 private:
  struct Level {
    YamlNode node;
    std::string pending_key;
    int key_line = 0;
    bool has_key = false;
  };

  void refuse(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) {
      fail(file_, mark.line + 1, "anchors (&name) are not supported; write the value out");
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      fail(file_, mark.line + 1, fmt::format("tag '{:.40}' is not supported; remove it", tag));
    }
    if (++num_nodes_ > kMaxYamlNodes) {
      fail(file_, mark.line + 1, fmt::format("more than {} values in one file", kMaxYamlNodes));
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    refuse(mark, tag, anchor);
    if (levels_.size() >= kMaxYamlDepth) {
      fail(file_, mark.line + 1, fmt::format("nested deeper than {} levels", kMaxYamlDepth));
    }
    if (!levels_.empty() && levels_.back().node.kind == YamlNode::Kind::kMap &&
        !levels_.back().has_key) {
      fail(file_, mark.line + 1, "a key must be a plain word, not a list or map");
    }
    Level level;
    level.node.kind = kind;
    level.node.line = mark.line + 1;
    levels_.push_back(std::move(level));
  }

  void close() {
    YamlNode node = std::move(levels_.back().node);
    levels_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::kList) {
      level.node.items.push_back(std::move(node));
      return;
    }
    if (!level.has_key) {
      set_key(level, node);
      return;
    }
    level.has_key = false;
    node.key = std::move(level.pending_key);
    level.node.items.push_back(std::move(node));
  }

  void set_key(Level& level, const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kScalar) {
      fail(file_, node.line, "a key must be a plain word");
    }
    if (const YamlNode* old = level.node.find(node.text)) {
      fail(file_, node.line,
           fmt::format("key '{:.40}' appears twice; it first stood at line {}", node.text,
                       old->line));
    }
    level.pending_key = node.text;
    level.has_key = true;
  }

  const std::string& file_;
  YamlNode root_;
  std::vector<Level> levels_;
  std::size_t num_nodes_ = 0;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const {
  for (const YamlNode& item : items) {
    if (item.key == name) {
      return &item;
    }
  }
  return nullptr;
}

std::string YamlNode::describe() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kScalar:
      break;
  }
  return text.size() > 40 ? fmt::format("'{}...'", text.substr(0, 40)) : fmt::format("'{}'", text);
}

YamlNode parse_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxYamlBytes) {
    fail(file, 0,
         fmt::format("{} bytes; a configuration has at most {} bytes", text.size(), kMaxYamlBytes));
  }
  TreeBuilder builder(file);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      return YamlNode{};
    }
    YamlNode root = builder.take();
    TreeBuilder rest(file);
    if (parser.HandleNextDocument(rest)) {
      fail(file, rest.take().line, "a second document; a file holds one");
    }
    return root;
  } catch (const YAML::Exception& error) {
    fail(file, error.mark.line + 1, fmt::format("not YAML: {}", error.msg));
  }
}

std::string read_text_file(const std::string& path, std::size_t max_bytes) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no such file", path));
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: not a regular file", path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_bytes) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: larger than {} bytes, the limit for this kind of file", path, max_bytes));
  }
  return text;
}

}  // namespace tandem::runtime
