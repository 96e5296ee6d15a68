// SPDX-License-Identifier: Apache-2.0
// Every op.
#pragma once

#include "tandem/ops/attention.hpp"
#include "tandem/ops/binary.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/elementwise.hpp"
#include "tandem/ops/index.hpp"
#include "tandem/ops/matmul.hpp"
#include "tandem/ops/move.hpp"
#include "tandem/ops/norm.hpp"
#include "tandem/ops/reduce.hpp"
#include "tandem/ops/rotary.hpp"
#include "tandem/ops/tensor.hpp"
#include "tandem/ops/unary.hpp"
#include "tandem/ops/weights.hpp"
