#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Makes small tokenizers of many kinds and what Hugging Face tokenizers (0.23) does with a list of texts.
"""Usage: make_cases.py (needs `pip install tokenizers==0.23.*`); writes texts.json, <variant>.json
and <variant>.cases.json beside itself."""
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
SEED = 7
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
         r"\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
PARTS = (list("abcABZ 019'.,!?-_\n\r\t\u0085\u00a0\u180e\u200b\u2003\u2028\u3000éÉñßſK①½Ⅷ٣९")
         + list("東京한국👍🏽❤\ufe0f\u0301\u0323\u200d#<|>[]")
         + ["'s", "'LL", "'ſ", "e\u0301", "\u1e9b\u0323", "<s>", "<|x|>", "<x> ", "ﬁ", "\ufeff"])


def make_texts():
    random.seed(SEED)
    golden = json.loads((HERE.parent / "tokenizer" / "encode.json").read_text())["cases"]
    texts = [case["text"] for case in golden[::4]]
    texts += ["".join(random.choice(PARTS) for _ in range(random.randint(1, 25)))
              for _ in range(150)]
    return texts


def train(tokenizer, texts, special, alphabet):
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False,
                                  initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts * 3, trainer)


def byte_level(texts, pre_tokenizer, normalizer=None, ignore_merges=False, added=()):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    train(tokenizer, texts, ["<|endoftext|>", "<s>"], pre_tokenizers.ByteLevel.alphabet())
    for token in added:
        if token.special:
            tokenizer.add_special_tokens([token])
        else:
            tokenizer.add_tokens([token])
    return tokenizer


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(pattern, behavior, invert=invert),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_fallback(texts, pre_tokenizer, normalizer, decoder):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    train(tokenizer, texts, ["<unk>"], [])
    content = json.loads(tokenizer.to_str())
    vocab = content["model"]["vocab"]
    first = max(vocab.values()) + 1
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = first + byte
    bos = first + 256
    vocab["<s>"] = bos
    content["added_tokens"].append(
        {"id": bos, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True})
    content["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(content))
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoder
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", bos)])
    return tokenizer


def variants(texts):
    byte = pre_tokenizers.ByteLevel
    yield "gpt2", byte_level(texts, byte(add_prefix_space=False))
    yield "gpt2_prefix_space", byte_level(texts, byte(add_prefix_space=True))
    yield "qwen2", byte_level(texts, split(Regex(QWEN2)), normalizers.NFC())
    llama3 = byte_level(texts, split(Regex(LLAMA3)), ignore_merges=True)
    llama3.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B",
                                      special_tokens=[("<s>", 1)])])
    yield "llama3", llama3
    yield "digits", byte_level(texts, pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=False), byte(add_prefix_space=False)]))
    yield "words", byte_level(texts, split(Regex(r"\w+|[^\w\s]+")))
    pattern = Regex(r"\s|[a-c]")
    yield "split_removed", byte_level(texts, split(pattern, "removed"))
    yield "split_previous_inverted", byte_level(texts, split(pattern, "merged_with_previous", True))
    yield "split_next", byte_level(texts, split(pattern, "merged_with_next"))
    yield "split_contiguous", byte_level(texts, split(pattern, "contiguous"))
    yield "split_text", byte_level(texts, split(".", "merged_with_previous"))
    yield "nfkd", byte_level(texts, byte(add_prefix_space=False), normalizers.NFKD())
    yield "added", byte_level(texts, byte(add_prefix_space=False), normalizers.NFKC(), added=[
        AddedToken("<|x|>", special=True),
        AddedToken("<x>", lstrip=True, rstrip=True, special=True, normalized=False),
        AddedToken("ab", single_word=True, normalized=False),
        AddedToken("[]", rstrip=True, normalized=True), AddedToken("ﬁ", normalized=True),
        AddedToken("a b", normalized=False), AddedToken("<|", normalized=False)])
    strip = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                               decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    prepend = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    yield "llama2", byte_fallback(texts, None, prepend, strip)
    for scheme in ("always", "first", "never"):
        yield f"metaspace_{scheme}", byte_fallback(
            texts, pre_tokenizers.Metaspace(prepend_scheme=scheme), None,
            decoders.Metaspace(prepend_scheme=scheme))


def write(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    texts = make_texts()
    write("texts.json", texts)
    for name, tokenizer in variants(texts):
        write(f"{name}.json", json.loads(tokenizer.to_str()))
        cases = []
        for text in texts:
            ids = tokenizer.encode(text).ids
            cases.append({"ids": tokenizer.encode(text, add_special_tokens=False).ids,
                          "framed": ids,
                          "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                          "skipped": tokenizer.decode(ids, skip_special_tokens=True)})
        write(f"{name}.cases.json", cases)


if __name__ == "__main__":
    main()
