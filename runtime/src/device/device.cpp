// SPDX-License-Identifier: Apache-2.0
#include "tandem/runtime/device.hpp"

#include <fmt/format.h>

#include <utility>

#include "device_impl.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::runtime {
namespace {

std::string config_name(const driver::BackendUri& uri, const DeviceOptions& options) {
  const std::string in_uri = driver::named_config(uri);
  if (!in_uri.empty() && !options.config.empty() && in_uri != options.config) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("backend '{}' names configuration '{}', and '{}' was asked for too; "
                            "give one of them",
                            uri.to_string(), in_uri, options.config));
  }
  return !in_uri.empty() ? in_uri : !options.config.empty() ? options.config : "edge";
}

}  // namespace

Device Device::open(std::string_view uri, const DeviceOptions& options) {
  return open_with(uri, load_config(config_name(driver::parse_uri(uri), options)), options);
}

Device Device::open_with(std::string_view uri, const driver::DeviceConfig& config,
                         const DeviceOptions& options) {
  const driver::BackendUri parsed = driver::parse_uri(uri);
  const std::string named = driver::named_config(parsed);
  if (!named.empty() && named != config.name && load_config(named).name != config.name) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("backend '{}' names configuration '{}', but '{}' is needed; name that "
                            "one or none",
                            uri, named, config.name));
  }
  auto backend = driver::open_backend(parsed, config);
  bool check_mode = options.check_mode;
  for (const driver::BackendUri& part : driver::backends_of(parsed)) {
    check_mode = check_mode || part.get_bool("check", false);
  }
  return Device(std::make_unique<Impl>(std::move(backend), config, options.driver, check_mode));
}

Device Device::open(std::unique_ptr<driver::Backend> backend, driver::DeviceConfig config,
                    const DeviceOptions& options) {
  return Device(std::make_unique<Impl>(std::move(backend), std::move(config), options.driver,
                                       options.check_mode));
}

Device::Device(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Device::~Device() = default;
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;

const driver::DeviceConfig& Device::config() const { return impl_->core.driver().config(); }
std::string Device::backend_name() const { return impl_->core.backend().name(); }
Queue& Device::queue() { return impl_->queue; }
driver::Driver& Device::driver() { return impl_->core.driver(); }

TransferCounters Device::counters() const {
  TransferCounters counters = impl_->core.counters();
  counters.packets = impl_->core.driver().submitted();
  return counters;
}

std::vector<RegionUse> Device::regions() const {
  std::vector<RegionUse> list;
  for (const auto& allocator : impl_->core.allocators()) {
    list.push_back({allocator->region(), allocator->base(), allocator->size(),
                    allocator->used_bytes(), allocator->largest_hole_bytes(),
                    allocator->num_live()});
  }
  return list;
}

Buffer Device::malloc(std::string_view region, std::uint64_t num_bytes, std::string_view label,
                      std::uint64_t align) {
  return impl_->core.allocator(region).malloc(num_bytes, label, align);
}

void Device::copy_in(PhysAddr dst, std::span<const std::byte> src) { impl_->core.write(dst, src); }

void Device::copy_out(PhysAddr src, std::span<std::byte> dst) {
  impl_->queue.finish();
  if (!dst.empty()) {
    impl_->core.backend().read(src, dst);
    impl_->core.counters().bytes_out += dst.size();
  }
}

std::span<std::byte> Device::window(PhysAddr addr, std::uint64_t num_bytes) {
  if (impl_->core.check_mode() || impl_->core.recording()) {
    return {};
  }
  impl_->core.wait_for_freed_memory(addr, num_bytes);
  return impl_->core.backend().window(addr, num_bytes);
}

void Device::name_tensor(PhysAddr addr, std::uint64_t num_bytes, std::string_view name) {
  impl_->core.tensors().set(addr, num_bytes, name);
  impl_->core.backend().annotate({.kind = driver::Annotation::Kind::kTensor,
                                  .name = std::string(name),
                                  .addr = addr,
                                  .num_bytes = num_bytes});
  impl_->core.record([&](TraceWriter& trace) { trace.tensor(addr, num_bytes, name); });
}

std::string Device::describe(PhysAddr addr) const { return impl_->core.describe(addr); }

void Device::set_watch(std::vector<driver::WatchRange> ranges) {
  DeviceCore& core = impl_->core;
  core.driver().set_watch(std::move(ranges),
                          [&core](std::uint64_t addr) { return core.describe(PhysAddr(addr)); });
}

bool Device::check_mode() const { return impl_->core.check_mode(); }

std::string Device::take_findings() {
  impl_->queue.finish();
  return impl_->core.backend().take_findings();
}

}  // namespace tandem::runtime
