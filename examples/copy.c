/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program in C: one COPY packet on a device, through the driver. */
#include <stdio.h>
#include <string.h>

#include "tandem/tandem.h"

static int report(void) {
  fprintf(stderr, "%s\n", tandem_last_error());
  return 1;
}

int main(int argc, char** argv) {
  const char text[] = "copied by the device";
  char back[sizeof(text)] = "";
  tandem_device* device = NULL;
  uint64_t src = 0;
  uint64_t dst = 0;
  tandem_packet copy;

  if (tandem_open(argc > 1 ? argv[1] : "cmodel:tiny", NULL, &device) != TANDEM_OK) {
    return report();
  }
  if (tandem_malloc(device, "activations", sizeof(text), 0, "text", &src) != TANDEM_OK ||
      tandem_malloc(device, "activations", sizeof(text), 0, "copy", &dst) != TANDEM_OK ||
      tandem_copy_in(device, src, text, sizeof(text)) != TANDEM_OK) {
    return report();
  }

  /* dst[0, 0, 0, i] = src[0, 0, 0, i]: one row of bytes, side by side. */
  if (tandem_packet_init(&copy, "COPY") != TANDEM_OK ||
      tandem_packet_set(&copy, "extent0", 1) != TANDEM_OK ||
      tandem_packet_set(&copy, "extent1", 1) != TANDEM_OK ||
      tandem_packet_set(&copy, "extent2", 1) != TANDEM_OK ||
      tandem_packet_set(&copy, "extent3", sizeof(text)) != TANDEM_OK ||
      tandem_packet_set(&copy, "elem_bytes", 1) != TANDEM_OK ||
      tandem_packet_set(&copy, "src_addr", src) != TANDEM_OK ||
      tandem_packet_set(&copy, "src_stride3", 1) != TANDEM_OK ||
      tandem_packet_set(&copy, "dst_addr", dst) != TANDEM_OK ||
      tandem_packet_set(&copy, "dst_stride3", 1) != TANDEM_OK ||
      tandem_submit(device, &copy, NULL) != TANDEM_OK) {
    return report();
  }

  /* Waits for the packet. */
  if (tandem_copy_out(device, dst, back, sizeof(back)) != TANDEM_OK) {
    return report();
  }
  tandem_close(device);
  printf("%s\n", back);
  return strcmp(text, back) == 0 ? 0 : 1;
}
