#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a copy of a GGUF file with every quantised tensor widened to BF16: to_bf16_gguf.py IN OUT"""
import os
import sys

import gguf


def main():
    source, target = sys.argv[1:]
    reader = gguf.GGUFReader(source)
    arch = reader.get_field("general.architecture").contents()
    writer = gguf.GGUFWriter(target + ".part", arch)
    for field in reader.fields.values():
        if field.name == "general.architecture" or field.name.startswith("GGUF."):
            continue
        kind = field.types[0]
        sub = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=sub)
    kept = (gguf.GGMLQuantizationType.F32,)
    for tensor in reader.tensors:
        data = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if tensor.tensor_type in kept:
            writer.add_tensor(tensor.name, data)
            continue
        bf16 = gguf.quants.quantize(data, gguf.GGMLQuantizationType.BF16)
        writer.add_tensor(tensor.name, bf16, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(target + ".part", target)


if __name__ == "__main__":
    main()
