# SPDX-License-Identifier: Apache-2.0
"""Block inspector: records a Hugging Face causal LM op by op, for `tandem diff --b record:DIR`.

Needs torch, transformers, numpy, ml_dtypes and safetensors; neither a device nor the compiled part of
this package.
"""
from tandem.torch.recorder import record

__all__ = ["record"]
