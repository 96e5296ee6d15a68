// SPDX-License-Identifier: Apache-2.0
// The C interface of the runtime: devices, memory, packets, completions, traces, snapshots.
//
// Every function but those that cannot fail returns a tandem_status; what went wrong stands in
// tandem_last_error(). Structs that cross the boundary start with their own size, which the caller
// sets (the TANDEM_..._INIT macros do): a program built against an older header keeps working.
// Thread-safety: one thread at a time for each device; different devices are independent.
#ifndef TANDEM_TANDEM_H_
#define TANDEM_TANDEM_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TANDEM_API __attribute__((visibility("default")))
#else
#define TANDEM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// What became of a call. The names say what they mean; see tandem/base/error.hpp for retries.
typedef enum tandem_status {
  TANDEM_OK = 0,
  TANDEM_INVALID_ARGUMENT = 1,
  TANDEM_NOT_FOUND = 2,
  TANDEM_UNIMPLEMENTED = 3,
  TANDEM_UNAVAILABLE = 4,
  TANDEM_DEADLINE_EXCEEDED = 5,
  TANDEM_DEVICE_FAULT = 6,
  TANDEM_MISMATCH = 7,
  TANDEM_OUT_OF_MEMORY = 8,
  TANDEM_INTERNAL = 9
} tandem_status;

/// Name of a status, e.g. "device fault". Never NULL.
TANDEM_API const char* tandem_status_name(tandem_status status);
/// Text of the last failure on this thread; "" if there was none. Valid until the next failure.
TANDEM_API const char* tandem_last_error(void);

/// An open device.
typedef struct tandem_device tandem_device;

typedef struct tandem_open_options {
  size_t struct_size;
  const char* config;  ///< Name or path of a configuration; NULL: the one of the URI, else "edge".
  uint32_t ring_entries;  ///< A power of two, 2 to 65536; 0: the default.
  uint64_t timeout_ns;    ///< Longest time without any completion; 0: the default.
} tandem_open_options;
#define TANDEM_OPEN_OPTIONS_INIT \
  { sizeof(tandem_open_options), NULL, 0, 0 }

/// Opens a backend by URI, e.g. "cmodel:edge?threads=2". `options` may be NULL. On failure
/// `*out_device` is NULL.
TANDEM_API tandem_status tandem_open(const char* uri, const tandem_open_options* options,
                                     tandem_device** out_device);
/// Closes the device; its memory and events end with it. NULL is allowed.
TANDEM_API void tandem_close(tandem_device* device);

typedef struct tandem_info {
  size_t struct_size;
  char backend[64];  ///< Cut to fit, as all texts here.
  char config[32];
  uint32_t abi_version;
  uint64_t abi_hash;
  uint32_t array_rows;
  uint32_t array_cols;
  uint32_t vector_lanes;
  uint32_t vector_length;  ///< Elements.
  uint32_t ucode_words;
  uint32_t axi_data_bits;
  uint32_t timed;        ///< 1: completions have cycles.
  uint32_t num_regions;  ///< For tandem_get_region.
  uint64_t packets;      ///< Submitted since the device was opened.
  uint64_t bytes_in;     ///< Copied to the device.
  uint64_t bytes_out;    ///< Copied from the device.
} tandem_info;
TANDEM_API tandem_status tandem_get_info(tandem_device* device, tandem_info* out_info);

typedef struct tandem_region {
  size_t struct_size;
  char name[40];
  uint64_t base;          ///< First byte that can be allocated.
  uint64_t size;          ///< Bytes that can be allocated in all.
  uint64_t used;          ///< Bytes of live allocations.
  uint64_t largest_hole;  ///< Bytes that one allocation could get.
} tandem_region;
TANDEM_API tandem_status tandem_get_region(tandem_device* device, uint32_t index,
                                           tandem_region* out_region);

/// Allocates device memory. `align`: 0 or a power of two of 64 or more. `label` may be NULL.
TANDEM_API tandem_status tandem_malloc(tandem_device* device, const char* region,
                                       uint64_t num_bytes, uint64_t align, const char* label,
                                       uint64_t* out_addr);
/// Frees an allocation by its address; 0 is allowed.
TANDEM_API tandem_status tandem_free(tandem_device* device, uint64_t addr);

/// Copies to the device; does not wait: write only where no packet in flight looks.
TANDEM_API tandem_status tandem_copy_in(tandem_device* device, uint64_t dst, const void* src,
                                        uint64_t num_bytes);
/// Copies from the device after everything submitted before has completed.
TANDEM_API tandem_status tandem_copy_out(tandem_device* device, uint64_t src, void* dst,
                                         uint64_t num_bytes);
/// The bytes of device memory in the host's address space, `*out_bytes` NULL where the backend has
/// no such window, in check mode and while recording. Waits until nothing is in flight. The pointer
/// is good while the device is open; read and write only while nothing is in flight.
TANDEM_API tandem_status tandem_get_window(tandem_device* device, uint64_t addr, uint64_t num_bytes,
                                           void** out_bytes);
/// Names bytes of device memory for check mode, traces and messages.
TANDEM_API tandem_status tandem_name_tensor(tandem_device* device, uint64_t addr,
                                            uint64_t num_bytes, const char* name);

/// A command packet: 256 bytes, laid out as docs/reference/packets.md says.
typedef struct tandem_packet {
  uint64_t words[32];
} tandem_packet;
/// An empty packet of an opcode by name ("COPY"), waiting for all engines.
TANDEM_API tandem_status tandem_packet_init(tandem_packet* packet, const char* opcode);
/// Sets or reads a field by name ("src_addr"). The value must fit the field.
TANDEM_API tandem_status tandem_packet_set(tandem_packet* packet, const char* field,
                                           uint64_t value);
TANDEM_API tandem_status tandem_packet_get(const tandem_packet* packet, const char* field,
                                           uint64_t* out_value);
/// Assembles a packet from a line of text as `tandem dis` prints it.
TANDEM_API tandem_status tandem_packet_parse(tandem_packet* packet, const char* text);
/// Disassembles a packet into that text. `*out_size` is its length with the final zero; if that is
/// more than `size`, nothing is written, and `buffer` may be NULL.
TANDEM_API tandem_status tandem_packet_print(const tandem_packet* packet, char* buffer, size_t size,
                                             size_t* out_size);

/// Hands a packet over; its sequence number goes to `*out_seq` unless NULL. An error completion of
/// an earlier packet surfaces from here or from a wait as TANDEM_DEVICE_FAULT; the device is then
/// usable again, packets behind the failed one are abandoned.
TANDEM_API tandem_status tandem_submit(tandem_device* device, const tandem_packet* packet,
                                       uint64_t* out_seq);
/// First word of a micro-program in the device's program memory, loading it if necessary. Valid
/// until the next call.
TANDEM_API tandem_status tandem_load_program(tandem_device* device, const uint64_t* words,
                                             uint32_t num_words, uint16_t* out_first_word);
/// Loads lookup table 0 or 1; 256 words.
TANDEM_API tandem_status tandem_load_table(tandem_device* device, uint32_t table,
                                           const uint32_t* words);
/// Rings the doorbell for everything submitted.
TANDEM_API tandem_status tandem_flush(tandem_device* device);
/// Waits for a packet.
TANDEM_API tandem_status tandem_wait(tandem_device* device, uint64_t seq);
/// Waits until nothing is in flight.
TANDEM_API tandem_status tandem_finish(tandem_device* device);
/// Sets `*out_complete` to 1 if the packet has completed or was abandoned, else 0; never waits.
TANDEM_API tandem_status tandem_poll(tandem_device* device, uint64_t seq, int* out_complete);

typedef struct tandem_completion {
  size_t struct_size;
  uint64_t seq;
  uint32_t error;  ///< Error code of the device, 0 on success; see docs/reference.
  uint32_t opcode;
  uint64_t fault_addr;
  uint64_t checksum;     ///< Of everything written; 0 on error.
  uint64_t cycles;       ///< 0 on untimed devices.
  uint64_t start_cycle;  ///< 0 on untimed devices.
} tandem_completion;
/// The completion record of a packet while it is among the last 4096; TANDEM_NOT_FOUND otherwise.
TANDEM_API tandem_status tandem_get_completion(tandem_device* device, uint64_t seq,
                                               tandem_completion* out_completion);

/// Packets from here to the matching end belong to the op `name`; nests.
TANDEM_API tandem_status tandem_begin_op(tandem_device* device, const char* name);
TANDEM_API tandem_status tandem_end_op(tandem_device* device);

/// Findings of check mode as text. `*out_size` is its length with the final zero; if that is more
/// than `size`, nothing is written and the text is kept for the next call. `buffer` may then be
/// NULL.
TANDEM_API tandem_status tandem_take_findings(tandem_device* device, char* buffer, size_t size,
                                              size_t* out_size);

/// Writes memory and loaded programs to a file. `base`: a snapshot that this one builds on, or
/// NULL.
TANDEM_API tandem_status tandem_snapshot(tandem_device* device, const char* path, const char* base);
TANDEM_API tandem_status tandem_restore(tandem_device* device, const char* path);
/// Records packets and host writes into a trace file.
TANDEM_API tandem_status tandem_start_recording(tandem_device* device, const char* path);
TANDEM_API tandem_status tandem_stop_recording(tandem_device* device);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // TANDEM_TANDEM_H_
