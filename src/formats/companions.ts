/** The files beside weights and config.json that a merged model takes over from its base, in the order of writing. */
export const COMPANION_FILES: readonly string[] = [
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "generation_config.json",
  "merges.txt",
  "special_tokens_map.json",
  "tekken.json",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer.model.v1",
  "tokenizer.model.v3",
  "tokenizer_config.json",
  "vocab.json",
];
