// SPDX-License-Identifier: Apache-2.0
// GGUF files: bytes of every dequantised tensor, and logits of the model in each storage type.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

#include "bounds.hpp"
#include "json_value.hpp"
#include "model_run.hpp"
#include "suites.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/gguf_file.hpp"

namespace tandem::check {
namespace {

using models::TokenId;

std::string sha256(std::span<const std::byte> bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) != 1) {
    throw Error(ErrorCode::kInternal, "SHA-256 is not available in libcrypto");
  }
  std::string text;
  for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

CaseResult check_tensor(const models::GgufFile& file, const std::string& name,
                        const JsonValue& want) {
  const models::GgufTensor* tensor = file.find_tensor(name);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no tensor '{}'", file.path().string(), name));
  }
  CaseResult result;
  std::vector<float> values(tensor->rows * tensor->cols);
  file.dequantise_rows(*tensor, 0, tensor->rows, values);
  const std::string digest = sha256(std::as_bytes(std::span(values)));
  if (tensor->type_name != want.at("type").get<std::string>()) {
    result.status = Status::kFail;
    result.detail =
        fmt::format("type {}, expected {}", tensor->type_name, want.at("type").get<std::string>());
  } else if (digest != want.at("sha256").get<std::string>()) {
    result.status = Status::kFail;
    result.detail = fmt::format(
        "SHA-256 of the fp32 values is {}, expected {}; first value {}, "
        "expected {}",
        digest, want.at("sha256").get<std::string>(), values.empty() ? 0 : values.front(),
        want.at("first").at(0).get<double>());
  }
  return result;
}

CaseResult check_logits(ModelUnderCheck& model, const std::vector<TokenId>& ids,
                        const models::SafetensorsFile& references, const std::string& key,
                        const JsonValue& bounds) {
  const models::SafetensorsTensor* tensor = references.find(key);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no tensor '{}'", references.path().string(), key));
  }
  const HostArray want = load_array(references, key, "f64", tensor->shape);
  const Distance d = distance(model.run_all(ids, abi::Dtype::kF16, false).logits, want);
  CaseResult result;
  result.detail = exceeded(d, bounds);
  result.status = result.detail.empty() ? Status::kPass : Status::kFail;
  if (result.detail.empty()) result.detail = describe(d, bounds);
  return result;
}

}  // namespace

void check_gguf(Session& session, const std::filesystem::path& dir) {
  const std::string suite = dir.filename().string();
  const JsonValue golden = JsonValue::read(dir / "golden.json");
  const auto references = models::SafetensorsFile::open(dir / "golden.safetensors");
  for (const auto& member : golden.at("files").members()) {
    const std::string& type = member.first;
    const JsonValue& entry = member.second;
    const std::filesystem::path path = dir / entry.at("file").get<std::string>();
    std::unique_ptr<models::GgufFile> file;
    for (const auto& tensor : entry.at("tensors").members()) {
      session.run(suite, type + "." + tensor.first, [&] {
        if (!file) file = std::make_unique<models::GgufFile>(models::GgufFile::open(path));
        return check_tensor(*file, tensor.first, tensor.second);
      });
    }
    std::unique_ptr<ModelUnderCheck> model;
    const std::vector<JsonValue> prompts = golden.at("prompts").elements();
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const std::string name = fmt::format("{}.p{}.logits", type, i);
      session.run(suite, name, [&] {
        if (!model) model = std::make_unique<ModelUnderCheck>(session.device(), path);
        return check_logits(*model, prompts[i].get<std::vector<TokenId>>(), references, name,
                            entry.at("bounds").at("fp32_cache"));
      });
    }
  }
}

}  // namespace tandem::check
