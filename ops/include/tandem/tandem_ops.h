// SPDX-License-Identifier: Apache-2.0
// The C interface of the op library: every op by its name.
//
// The rules of tandem.h hold here too: statuses, tandem_last_error(), threads. What each op
// computes, and which types and shapes it takes, stands in the headers of tandem/ops/.
#ifndef TANDEM_TANDEM_OPS_H_
#define TANDEM_TANDEM_OPS_H_

#include <stddef.h>
#include <stdint.h>

#include "tandem/tandem.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Element types, numbered as in packets (docs/reference/packets.md).
typedef enum tandem_dtype {
  TANDEM_F32 = 1,
  TANDEM_BF16 = 2,
  TANDEM_F16 = 3,
  TANDEM_E4M3 = 4,
  TANDEM_E5M2 = 5,
  TANDEM_I8 = 6,
  TANDEM_U8 = 7,
  TANDEM_U16 = 8,
  TANDEM_I32 = 9,
  TANDEM_I64 = 10
} tandem_dtype;

#define TANDEM_MAX_RANK 6

/// A tensor in device memory; owns nothing.
typedef struct tandem_tensor {
  uint64_t addr;
  uint32_t dtype;  ///< A tandem_dtype.
  uint32_t rank;   ///< At most TANDEM_MAX_RANK.
  uint64_t shape[TANDEM_MAX_RANK];
  uint64_t stride[TANDEM_MAX_RANK];  ///< Bytes; 0 broadcasts.
} tandem_tensor;

/// A named argument of an op. Exactly one of the three is set: tensors (num_tensors of them),
/// integers (num_ints; one for a plain number or a truth value), or else the floating-point number.
typedef struct tandem_arg {
  const char* name;
  const tandem_tensor* tensors;  ///< NULL: not a tensor.
  uint64_t num_tensors;
  const int64_t* ints;  ///< NULL: not an integer.
  uint64_t num_ints;
  double number;
} tandem_arg;

/// Submits the packets of one op and returns; it does not wait for them. A refused argument submits
/// nothing; errors of packets surface as from tandem_submit.
///
/// Arguments in brackets may be left out. Tensors: x, y ...; y (z of two operands) is the output.
///
///   neg recip exp log sin cos abs sqr sqrt rsqrt gelu gelu_tanh relu elu silu tanh sigmoid:
///                                    x y [alpha]
///   affine: x y mul add              silu_mul gelu_mul gelu_tanh_mul: gate up y
///   add sub mul div min max eq ne lt le gt ge: x y z
///   where: cond x y z                cast: x y [fp8_rule: 0 as PyTorch, 1 saturating, 2 not]
///   sum mean reduce_max reduce_min argmax argmin: x y [axes]
///   softmax log_softmax: x y axis    rmsnorm: x weight y eps [weight_offset]
///   layernorm: x weight [bias] y eps
///   add_rmsnorm: x delta weight sum y eps [weight_offset]
///   matmul: a b y [bias] [transpose_a] [transpose_b] [accumulate]
///   matmul_w8a8: a a_scale w w_scale y [bias]
///   matmul_group_quantised: a q scale [min] y group_size [bias]
///   sdpa: q k v y scale [causal] [window] [softcap] [query_offset] [mask] [first_key] [offsets]
///         [own_key_visible] [zero_masked_rows]
///   kv_append: k v k_cache v_cache   rotary: x cos sin y [interleaved]
///   fill: y value (an integer fills i64 with all its bits)     copy: x y
///   concat: x (a list) axis y        repeat_kv: x repeats y
///   reshape: x y                     index_select gather: x axis index y
///   index_add scatter_add: x axis index src y
///   embedding: table ids y
///
/// Transposed, permuted, sliced and broadcast inputs are views: set shape and stride.
TANDEM_API tandem_status tandem_run_op(tandem_device* device, const char* op,
                                       const tandem_arg* args, size_t num_args);

/// Name of the op number `index`; NULL behind the last one.
TANDEM_API const char* tandem_op_name(size_t index);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // TANDEM_TANDEM_OPS_H_
