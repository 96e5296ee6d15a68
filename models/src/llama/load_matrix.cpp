// SPDX-License-Identifier: Apache-2.0
// Row blocks from file to device, converted on the way.
#include "load_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/models/llama/projection.hpp"

namespace tandem::models {

using abi::Dtype;

namespace {

constexpr std::uint64_t kBlockRows = 64;  // two panels: rows of a block stay in the L2 cache

// Rows of the matrix that come from one weight.
struct Piece {
  WeightName name;
  std::uint64_t weight_row = 0;
  std::uint64_t num_rows = 0;
};

Dtype source_dtype(StoredType type) {
  switch (type) {
    case StoredType::kF16:
      return Dtype::kF16;
    case StoredType::kBf16:
      return Dtype::kBF16;
    case StoredType::kF8E4m3:
      return Dtype::kE4M3;
    case StoredType::kF8E5m2:
      return Dtype::kE5M2;
    default:
      return Dtype::kF32;
  }
}

class MatrixLoader {
 public:
  MatrixLoader(const WeightSource& source, std::span<const WeightName> parts,
               const ops::WeightFormat& format)
      : source_(source), parts_(parts), format_(format) {
    cols_ = source.shape(parts.front()).cols;
    for (const WeightName& part : parts) {
      first_rows_.push_back(rows_);
      rows_ += source.shape(part).rows;
    }
    for (const WeightName& part : parts) {
      const Dtype dtype = source_dtype(source.stored_type(part));
      raw_ &= dtype != Dtype::kF32 && source.stored_type(part) == source.stored_type(parts[0]);
      raw_ &= dtype == Dtype::kF16 || dtype == Dtype::kBF16 || dtype == format.dtype;
    }
  }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t cols() const { return cols_; }
  std::uint64_t blocks() const { return (rows_ + kBlockRows - 1) / kBlockRows; }

  // Buffers of one worker.
  struct Workspace {
    std::vector<std::byte> raw;
    std::vector<float> values, scales, mins;
    std::vector<std::int8_t> codes;
  };

  ops::PackReport load_block(std::uint64_t block, ops::WeightWriter& writer, Workspace& w) const {
    const std::uint64_t first = block * kBlockRows;
    const std::uint64_t count = std::min(kBlockRows, rows_ - first);
    if (format_.group_size != 0) return load_groups(first, count, writer, w);
    if (raw_) return load_raw(first, count, writer, w);
    w.values.resize(count * cols_);
    std::uint64_t done = 0;
    for (const Piece& piece : pieces(first, count)) {
      source_.read_rows_f32(piece.name, piece.weight_row, piece.num_rows,
                            std::span(w.values).subspan(done * cols_, piece.num_rows * cols_));
      done += piece.num_rows;
    }
    return writer.write_rows(Dtype::kF32, std::as_bytes(std::span(w.values)), first);
  }

  std::string describe_parts() const {
    std::string text;
    for (const WeightName& part : parts_) {
      text += (text.empty() ? "" : ", ") + canonical_name(part);
    }
    return text;
  }

 private:
  std::vector<Piece> pieces(std::uint64_t first, std::uint64_t count) const {
    std::vector<Piece> result;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::uint64_t begin = std::max(first, first_rows_[i]);
      const std::uint64_t part_end = i + 1 < parts_.size() ? first_rows_[i + 1] : rows_;
      const std::uint64_t end = std::min(first + count, part_end);
      if (begin < end) result.push_back({parts_[i], begin - first_rows_[i], end - begin});
    }
    return result;
  }

  // 16-bit and 8-bit floats go to the device without a detour through fp32.
  ops::PackReport load_raw(std::uint64_t first, std::uint64_t count, ops::WeightWriter& writer,
                           Workspace& w) const {
    const Dtype dtype = source_dtype(source_.stored_type(parts_.front()));
    const std::vector<Piece> from = pieces(first, count);
    if (from.size() == 1) {
      return writer.write_rows(
          dtype, source_.raw_rows(from[0].name, from[0].weight_row, from[0].num_rows), first);
    }
    w.raw.clear();
    for (const Piece& piece : from) {
      const auto bytes = source_.raw_rows(piece.name, piece.weight_row, piece.num_rows);
      w.raw.insert(w.raw.end(), bytes.begin(), bytes.end());
    }
    return writer.write_rows(dtype, w.raw, first);
  }

  ops::PackReport load_groups(std::uint64_t first, std::uint64_t count, ops::WeightWriter& writer,
                              Workspace& w) const {
    const std::uint64_t groups = cols_ / format_.group_size;
    w.codes.resize(count * cols_);
    w.scales.resize(count * groups);
    w.mins.assign(count * groups, 0.0f);
    std::uint64_t done = 0;
    for (const Piece& piece : pieces(first, count)) {
      const auto layout = source_.group_layout(piece.name);
      TANDEM_CHECK(layout && layout->group_size == format_.group_size);
      const auto mins = std::span(w.mins).subspan(done * groups, piece.num_rows * groups);
      source_.read_groups(piece.name, piece.weight_row, piece.num_rows,
                          std::span(w.codes).subspan(done * cols_, piece.num_rows * cols_),
                          std::span(w.scales).subspan(done * groups, piece.num_rows * groups),
                          layout->has_min ? mins : std::span<float>());
      done += piece.num_rows;
    }
    return writer.write_groups(w.codes, w.scales, w.mins, first);
  }

  const WeightSource& source_;
  std::span<const WeightName> parts_;
  ops::WeightFormat format_;
  std::vector<std::uint64_t> first_rows_;
  std::uint64_t rows_ = 0;
  std::uint64_t cols_ = 0;
  bool raw_ = true;  // stored bytes are what the writer takes
};

// Calls work(worker, block) for every block; the first exception of a worker is thrown again.
void for_each_block(std::uint64_t blocks, unsigned workers,
                    const std::function<void(unsigned, std::uint64_t)>& work) {
  std::atomic<std::uint64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&](unsigned worker) {
    try {
      for (std::uint64_t b = next++; b < blocks; b = next++) work(worker, b);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      next = blocks;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned worker = 1; worker < workers; ++worker) threads.emplace_back(run, worker);
  run(0);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

ops::WeightBuffer load_matrix(runtime::Device& device, const WeightSource& source,
                              std::span<const WeightName> parts, const ops::WeightFormat& format,
                              const std::string& label,
                              const std::function<void(std::uint64_t)>& on_bytes) {
  const MatrixLoader loader(source, parts, format);
  ops::WeightWriter writer(device, format, loader.rows(), loader.cols(), label);

  const std::uint64_t blocks = loader.blocks();
  const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  const unsigned workers =
      writer.parallel() ? static_cast<unsigned>(std::min<std::uint64_t>(cores, blocks)) : 1;
  std::vector<MatrixLoader::Workspace> workspaces(workers);
  ops::PackReport report;
  std::mutex mutex;  // of report and on_bytes
  for_each_block(blocks, workers, [&](unsigned worker, std::uint64_t block) {
    const ops::PackReport of_block = loader.load_block(block, writer, workspaces[worker]);
    const std::uint64_t rows = std::min(kBlockRows, loader.rows() - block * kBlockRows);
    const std::lock_guard lock(mutex);
    report.merge(of_block);
    if (on_bytes) on_bytes(device_bytes(format, rows, loader.cols()));
  });
  for (const WeightName& part : parts) source.done_with(part);
  if (report.overflowed != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} of the {} values of {} do not fit {}; choose a wider weight "
                            "storage (bf16 and f32 hold the whole range)",
                            source.path().string(), report.overflowed, report.values,
                            loader.describe_parts(), describe(format)));
  }
  return writer.finish(report);
}

}  // namespace tandem::models
