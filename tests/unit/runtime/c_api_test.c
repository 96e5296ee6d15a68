/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface from C: every function, every way to misuse it. */
#include "tandem/tandem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/tandem_ops.h"

static int failures = 0;

#define CHECK(condition)                                                               \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #condition, \
              tandem_last_error());                                                    \
      ++failures;                                                                      \
    }                                                                                  \
  } while (0)

/* The call fails with this status, and the text holds this part. */
#define CHECK_FAILS(call, status, part)                                                           \
  do {                                                                                            \
    const tandem_status found_ = (call);                                                          \
    if (found_ != (status) || strstr(tandem_last_error(), (part)) == NULL) {                      \
      fprintf(stderr, "%s:%d: %s gave %s: %s\n  expected %s: ...%s\n", __FILE__, __LINE__, #call, \
              tandem_status_name(found_), tandem_last_error(), tandem_status_name(status), part); \
      ++failures;                                                                                 \
    }                                                                                             \
  } while (0)

static tandem_packet copy_packet(uint64_t src, uint64_t dst, uint32_t num_bytes) {
  tandem_packet packet;
  CHECK(tandem_packet_init(&packet, "COPY") == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "extent0", 1) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "extent1", 1) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "extent2", 1) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "extent3", num_bytes) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "elem_bytes", 1) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "src_addr", src) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "src_stride3", 1) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "dst_addr", dst) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "dst_stride3", 1) == TANDEM_OK);
  return packet;
}

static void test_packets(void) {
  tandem_packet packet;
  tandem_packet parsed;
  uint64_t value = 0;
  packet = copy_packet(0x200000000, 0x200001000, 17);
  CHECK(tandem_packet_get(&packet, "extent3", &value) == TANDEM_OK && value == 17);
  CHECK(tandem_packet_get(&packet, "dst_addr", &value) == TANDEM_OK && value == 0x200001000);
  CHECK(tandem_packet_get(&packet, "wait_mask", &value) == TANDEM_OK && value == 7);
  CHECK(tandem_packet_parse(&parsed,
                            "COPY extent0=1 extent1=1 extent2=1 extent3=17 elem_bytes=1 "
                            "src_addr=0x200000000 src_stride3=1 dst_addr=0x200001000 "
                            "dst_stride3=1") == TANDEM_OK);
  CHECK(memcmp(&packet, &parsed, sizeof(packet)) == 0);
  CHECK_FAILS(tandem_packet_init(&packet, "COPI"), TANDEM_INVALID_ARGUMENT,
              "no opcode 'COPI'; there are NOP, FENCE");
  CHECK_FAILS(tandem_packet_init(NULL, "COPY"), TANDEM_INVALID_ARGUMENT,
              "argument 'packet' is NULL");
  CHECK(tandem_packet_init(&packet, "FILL") == TANDEM_OK);
  CHECK_FAILS(tandem_packet_set(&packet, "src_addr", 1), TANDEM_INVALID_ARGUMENT,
              "FILL has no field 'src_addr'; it has opcode, flags, wait_mask, seq");
  CHECK_FAILS(tandem_packet_set(&packet, "elem_bytes", 256), TANDEM_INVALID_ARGUMENT,
              "field 'elem_bytes' has 8 bits, 0x100 does not fit");
  CHECK_FAILS(tandem_packet_get(&packet, "value", NULL), TANDEM_INVALID_ARGUMENT, "NULL");
  CHECK_FAILS(tandem_packet_parse(&packet, "COPY nothing=1"), TANDEM_INVALID_ARGUMENT, "text:1:");
  memset(&packet, 0, sizeof(packet));
  CHECK_FAILS(tandem_packet_set(&packet, "seq", 1), TANDEM_INVALID_ARGUMENT,
              "opcode 0x00, which has no named fields; begin with tandem_packet_init");
}

static void test_text(void) {
  const char* text = "COPY extent3=17 dst_addr=0x1000";
  char small[4] = "abc", out[256];
  size_t size = 0;
  tandem_packet packet;
  CHECK(tandem_packet_parse(&packet, text) == TANDEM_OK);
  CHECK(tandem_packet_print(&packet, NULL, 0, &size) == TANDEM_OK && size == strlen(text) + 1);
  CHECK(tandem_packet_print(&packet, small, sizeof(small), &size) == TANDEM_OK);
  CHECK(strcmp(small, "abc") == 0);
  CHECK(tandem_packet_print(&packet, out, sizeof(out), &size) == TANDEM_OK);
  CHECK(strcmp(out, text) == 0);
  CHECK_FAILS(tandem_packet_print(NULL, out, sizeof(out), &size), TANDEM_INVALID_ARGUMENT,
              "argument 'packet' is NULL");
}

static void test_window(tandem_device* device) {
  const float value = 2.5f;
  float back = 0;
  uint64_t addr = 0;
  void* bytes = NULL;
  CHECK(tandem_malloc(device, "activations", sizeof(value), 0, "seen", &addr) == TANDEM_OK);
  CHECK(tandem_get_window(device, addr, sizeof(value), &bytes) == TANDEM_OK && bytes != NULL);
  if (bytes != NULL) {
    memcpy(bytes, &value, sizeof(value));
  }
  CHECK(tandem_copy_out(device, addr, &back, sizeof(back)) == TANDEM_OK && back == value);
  CHECK_FAILS(tandem_get_window(device, addr, 4, NULL), TANDEM_INVALID_ARGUMENT, "'out_bytes'");
  CHECK(tandem_free(device, addr) == TANDEM_OK);
}

static tandem_tensor vector_of(uint64_t addr, uint64_t elements) {
  tandem_tensor tensor = {0};
  tensor.addr = addr;
  tensor.dtype = TANDEM_F32;
  tensor.rank = 1;
  tensor.shape[0] = elements;
  tensor.stride[0] = 4;
  return tensor;
}

static void test_ops(tandem_device* device) {
  const float values[3] = {1, 2, 3};
  float back[3] = {0};
  uint64_t addr = 0;
  int64_t axis = 0;
  size_t count = 0;
  tandem_tensor x, y;
  tandem_arg args[4] = {{0}};
  CHECK(tandem_malloc(device, "activations", 128, 0, "x and y", &addr) == TANDEM_OK);
  CHECK(tandem_copy_in(device, addr, values, sizeof(values)) == TANDEM_OK);
  x = vector_of(addr, 3);
  y = vector_of(addr + 64, 3);
  args[0].name = "x";
  args[0].tensors = &x;
  args[0].num_tensors = 1;
  args[1].name = "y";
  args[1].tensors = &y;
  args[1].num_tensors = 1;
  args[2].name = "mul";
  args[2].number = 2.0;
  args[3].name = "add";
  args[3].number = 0.5;
  CHECK(tandem_run_op(device, "affine", args, 4) == TANDEM_OK);
  CHECK(tandem_copy_out(device, addr + 64, back, sizeof(back)) == TANDEM_OK);
  CHECK(back[0] == 2.5f && back[2] == 6.5f);
  CHECK_FAILS(tandem_run_op(device, "affine", args, 3), TANDEM_INVALID_ARGUMENT,
              "affine: argument 'add' is missing");
  args[3].name = "mul";
  CHECK_FAILS(tandem_run_op(device, "affine", args, 4), TANDEM_INVALID_ARGUMENT,
              "argument 'mul' is given twice");
  args[3].name = NULL;
  CHECK_FAILS(tandem_run_op(device, "affine", args, 4), TANDEM_INVALID_ARGUMENT, "has no name");
  args[2].name = "axis";
  args[2].ints = &axis;
  args[2].num_ints = 1;
  CHECK(tandem_run_op(device, "softmax", args, 3) == TANDEM_OK);
  CHECK_FAILS(tandem_run_op(device, "copy", args, 3), TANDEM_INVALID_ARGUMENT,
              "copy: there is no argument 'axis'");
  y.rank = TANDEM_MAX_RANK + 1;
  CHECK_FAILS(tandem_run_op(device, "softmax", args, 3), TANDEM_INVALID_ARGUMENT,
              "argument 'y': expected a rank of at most 6, found 7");
  y.rank = 1;
  y.dtype = 40;
  CHECK_FAILS(tandem_run_op(device, "softmax", args, 3), TANDEM_INVALID_ARGUMENT,
              "expected an element type of tandem_dtype, found 40");
  CHECK_FAILS(tandem_run_op(device, "leap", args, 3), TANDEM_INVALID_ARGUMENT, "no op 'leap'");
  CHECK_FAILS(tandem_run_op(NULL, "copy", args, 3), TANDEM_INVALID_ARGUMENT, "'device' is NULL");
  CHECK_FAILS(tandem_run_op(device, "copy", NULL, 3), TANDEM_INVALID_ARGUMENT, "'args' is NULL");
  while (tandem_op_name(count) != NULL) {
    ++count;
  }
  CHECK(count == 62);
  CHECK(tandem_free(device, addr) == TANDEM_OK);
}

static void test_info(tandem_device* device) {
  tandem_info info = {0};
  tandem_region region = {0};
  uint32_t i;
  int found = 0;
  info.struct_size = sizeof(info);
  region.struct_size = sizeof(region);
  CHECK(tandem_get_info(device, &info) == TANDEM_OK);
  CHECK(strcmp(info.backend, "cmodel:tiny") == 0);
  CHECK(strcmp(info.config, "tiny") == 0);
  CHECK(info.array_rows == 4 && info.ucode_words == 1024 && info.timed == 0);
  CHECK(info.num_regions == 5);
  for (i = 0; i < info.num_regions; ++i) {
    CHECK(tandem_get_region(device, i, &region) == TANDEM_OK);
    found += strcmp(region.name, "kv") == 0 && region.size == (128u << 20);
  }
  CHECK(found == 1);
  CHECK_FAILS(tandem_get_region(device, 5, &region), TANDEM_INVALID_ARGUMENT,
              "region 5: the device has 5 regions");
  /* An older caller knows fewer members. */
  memset(&info, 0xff, sizeof(info));
  info.struct_size = offsetof(tandem_info, abi_version);
  CHECK(tandem_get_info(device, &info) == TANDEM_OK);
  CHECK(strcmp(info.config, "tiny") == 0 && info.abi_version == 0xffffffffu);
  info.struct_size = 0;
  CHECK_FAILS(tandem_get_info(device, &info), TANDEM_INVALID_ARGUMENT,
              "struct_size is 0, expected");
}

static void test_memory_and_queue(tandem_device* device) {
  char text[] = "through the C interface";
  char back[sizeof(text)] = "";
  uint64_t src = 0, dst = 0, none = 1, seq = 0;
  int complete = 0;
  tandem_packet packet;
  tandem_completion completion = {0};
  completion.struct_size = sizeof(completion);
  CHECK(tandem_malloc(device, "activations", sizeof(text), 0, "text", &src) == TANDEM_OK);
  CHECK(tandem_malloc(device, "activations", sizeof(text), 4096, NULL, &dst) == TANDEM_OK);
  CHECK(src != 0 && dst % 4096 == 0);
  CHECK(tandem_name_tensor(device, src, sizeof(text), "greeting") == TANDEM_OK);
  CHECK(tandem_copy_in(device, src, text, sizeof(text)) == TANDEM_OK);
  packet = copy_packet(src, dst, sizeof(text));
  CHECK(tandem_begin_op(device, "greet") == TANDEM_OK);
  CHECK(tandem_submit(device, &packet, &seq) == TANDEM_OK);
  CHECK(tandem_end_op(device) == TANDEM_OK);
  CHECK(tandem_flush(device) == TANDEM_OK);
  CHECK(tandem_wait(device, seq) == TANDEM_OK);
  CHECK(tandem_poll(device, seq, &complete) == TANDEM_OK && complete == 1);
  CHECK(tandem_get_completion(device, seq, &completion) == TANDEM_OK);
  CHECK(completion.seq == seq && completion.error == 0 && completion.checksum != 0);
  CHECK(completion.opcode == 0x30);
  CHECK_FAILS(tandem_get_completion(device, seq + 5, &completion), TANDEM_NOT_FOUND,
              "no completion of packet seq");
  CHECK(tandem_copy_out(device, dst, back, sizeof(back)) == TANDEM_OK);
  CHECK(strcmp(text, back) == 0);
  CHECK(tandem_copy_in(device, dst, NULL, 0) == TANDEM_OK);
  CHECK_FAILS(tandem_copy_in(device, dst, NULL, 4), TANDEM_INVALID_ARGUMENT,
              "argument 'src' is NULL");

  CHECK_FAILS(tandem_malloc(device, "heap", 64, 0, "x", &none), TANDEM_NOT_FOUND,
              "has no region 'heap' to allocate from");
  CHECK(none == 0);
  CHECK_FAILS(tandem_malloc(device, "kv", 1u << 30, 0, "x", &none), TANDEM_OUT_OF_MEMORY,
              "region 'kv' has no room for 'x'");
  CHECK_FAILS(tandem_free(device, dst + 1), TANDEM_INVALID_ARGUMENT,
              "is not the address of a live allocation");
  CHECK(tandem_free(device, dst) == TANDEM_OK);
  CHECK_FAILS(tandem_free(device, dst), TANDEM_INVALID_ARGUMENT, "in region 'activations'");
  CHECK(tandem_free(device, 0) == TANDEM_OK);

  /* A fault: the message, then the device as before. */
  packet = copy_packet(src, 64, sizeof(text));
  CHECK(tandem_submit(device, &packet, &seq) == TANDEM_OK);
  CHECK_FAILS(tandem_finish(device), TANDEM_DEVICE_FAULT, "UNMAPPED");
  CHECK(tandem_get_completion(device, seq, &completion) == TANDEM_OK);
  CHECK(completion.error == 7 && completion.fault_addr == 64 && completion.checksum == 0);
  CHECK(tandem_finish(device) == TANDEM_OK);
  CHECK(tandem_free(device, src) == TANDEM_OK);
}

static void test_programs(tandem_device* device) {
  /* phase; st out0, 7: a word has op [7:0], dst [13:8], a [19:14], imm [63:32]; selector 28 is the
   * immediate. */
  const uint64_t program[2] = {0x01, (UINT64_C(7) << 32) | (28u << 14) | 0x03};
  uint32_t table[256] = {0};
  uint16_t start = 1, again = 2;
  uint32_t values[4] = {0};
  uint64_t out = 0;
  tandem_packet packet;
  CHECK(tandem_load_program(device, program, 2, &start) == TANDEM_OK);
  CHECK(tandem_load_program(device, program, 2, &again) == TANDEM_OK && again == start);
  CHECK(tandem_load_table(device, 0, table) == TANDEM_OK);
  CHECK_FAILS(tandem_load_program(device, program, 100000, &start), TANDEM_INVALID_ARGUMENT,
              "micro-program of 100000 words; expected 1 to 1024");
  CHECK_FAILS(tandem_load_table(device, 2, table), TANDEM_INVALID_ARGUMENT, "lookup table 2");
  CHECK(tandem_malloc(device, "activations", sizeof(values), 0, "out", &out) == TANDEM_OK);
  CHECK(tandem_packet_init(&packet, "VECTOR") == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "cols", 4) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "rows0", 1) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "rows1", 1) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "ucode_start", start) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "ucode_words", 2) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "out0_type", 9) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "out0_addr", out) == TANDEM_OK);
  CHECK(tandem_packet_set(&packet, "out0_col_stride", 4) == TANDEM_OK);
  CHECK(tandem_submit(device, &packet, NULL) == TANDEM_OK);
  CHECK(tandem_copy_out(device, out, values, sizeof(values)) == TANDEM_OK);
  CHECK(values[0] == 7 && values[3] == 7);
}

static void test_files(tandem_device* device, const char* directory) {
  char snapshot[512], changed[512], trace[512];
  uint64_t addr = 0;
  char text[] = "before", back[sizeof(text)] = "";
  snprintf(snapshot, sizeof(snapshot), "%s/c_api_test.snap", directory);
  snprintf(changed, sizeof(changed), "%s/c_api_test2.snap", directory);
  snprintf(trace, sizeof(trace), "%s/c_api_test.trace", directory);
  CHECK(tandem_malloc(device, "kv", sizeof(text), 0, "kept", &addr) == TANDEM_OK);
  CHECK(tandem_copy_in(device, addr, text, sizeof(text)) == TANDEM_OK);
  CHECK(tandem_snapshot(device, snapshot, NULL) == TANDEM_OK);
  CHECK(tandem_copy_in(device, addr, "after!", sizeof(text)) == TANDEM_OK);
  CHECK(tandem_snapshot(device, changed, snapshot) == TANDEM_OK);
  CHECK(tandem_restore(device, snapshot) == TANDEM_OK);
  CHECK(tandem_copy_out(device, addr, back, sizeof(back)) == TANDEM_OK);
  CHECK(strcmp(back, "before") == 0);
  CHECK(tandem_restore(device, changed) == TANDEM_OK);
  CHECK(tandem_copy_out(device, addr, back, sizeof(back)) == TANDEM_OK);
  CHECK(strcmp(back, "after!") == 0);
  CHECK(tandem_start_recording(device, trace) == TANDEM_OK);
  CHECK_FAILS(tandem_restore(device, snapshot), TANDEM_INVALID_ARGUMENT, "while recording");
  CHECK(tandem_stop_recording(device) == TANDEM_OK);
  CHECK_FAILS(tandem_stop_recording(device), TANDEM_INVALID_ARGUMENT, "no recording is on");
  CHECK_FAILS(tandem_restore(device, trace), TANDEM_INVALID_ARGUMENT, "not a snapshot");
  CHECK_FAILS(tandem_restore(device, "/nonexistent"), TANDEM_NOT_FOUND, "/nonexistent");
  remove(snapshot);
  remove(changed);
  remove(trace);
}

static void test_misuse(tandem_device* device) {
  tandem_device* none = device;
  tandem_open_options options = TANDEM_OPEN_OPTIONS_INIT;
  char small[1];
  size_t size = 0;
  CHECK_FAILS(tandem_open("nonesuch:", NULL, &none), TANDEM_NOT_FOUND, "nonesuch");
  CHECK(none == NULL);
  CHECK_FAILS(tandem_open(NULL, NULL, &none), TANDEM_INVALID_ARGUMENT, "argument 'uri' is NULL");
  CHECK_FAILS(tandem_open("cmodel:", NULL, NULL), TANDEM_INVALID_ARGUMENT, "'out_device' is NULL");
  options.config = "nonesuch";
  CHECK_FAILS(tandem_open("cmodel:", &options, &none), TANDEM_NOT_FOUND,
              "configuration 'nonesuch' not found");
  options.config = "tiny";
  options.ring_entries = 3;
  CHECK_FAILS(tandem_open("cmodel:", &options, &none), TANDEM_INVALID_ARGUMENT,
              "ring_entries is 3");
  options.struct_size = 4;
  CHECK_FAILS(tandem_open("cmodel:", &options, &none), TANDEM_INVALID_ARGUMENT,
              "begin with TANDEM_OPEN_OPTIONS_INIT");
  CHECK_FAILS(tandem_finish(NULL), TANDEM_INVALID_ARGUMENT, "argument 'device' is NULL");
  CHECK_FAILS(tandem_wait(device, 1u << 30), TANDEM_INVALID_ARGUMENT, "1073741824");
  CHECK(tandem_take_findings(device, NULL, 0, &size) == TANDEM_OK && size == 1);
  CHECK(tandem_take_findings(device, small, 1, &size) == TANDEM_OK && small[0] == 0);
  CHECK(tandem_end_op(device) == TANDEM_OK);
  tandem_close(NULL);
  CHECK(strcmp(tandem_status_name(TANDEM_DEVICE_FAULT), "device fault") == 0);
  CHECK(strcmp(tandem_status_name((tandem_status)99), "unknown status") == 0);
}

int main(int argc, char** argv) {
  tandem_device* device = NULL;
  CHECK(strcmp(tandem_last_error(), "") == 0);
  CHECK(tandem_open("cmodel:tiny", NULL, &device) == TANDEM_OK);
  if (device == NULL) {
    return EXIT_FAILURE;
  }
  test_packets();
  test_text();
  test_info(device);
  test_window(device);
  test_ops(device);
  test_memory_and_queue(device);
  test_programs(device);
  test_files(device, argc > 1 ? argv[1] : ".");
  test_misuse(device);
  tandem_close(device);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
