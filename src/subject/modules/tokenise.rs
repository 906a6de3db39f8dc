//! From texts to token ids, as the `tokenizer.json` of a Hugging Face folder says.

use super::bert_config::{bytes, json};
use crate::guard::caught;
use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::Array2;
use rayon::prelude::*;
use serde_json::Value;
use std::path::Path;
use tokenizers::{PostProcessor, Tokenizer, TruncationParams};

/// Lengths above this say that there is no limit: Hugging Face writes 10³⁰ then.
const NO_LIMIT: u64 = 1 << 20;

/// Tokens of a text at most where the folder says nothing.
const USUAL_LONGEST: usize = 512;

/// A folder's tokeniser.
#[derive(Debug, Clone)]
pub struct Tokeniser {
    inner: Tokenizer,
    padding: i64,
    longest: usize,
}

/// Texts as token ids, a row each; padding is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Ids [texts × tokens of the longest].
    pub input_ids: Array2<i64>,
    /// One for a token, zero for padding.
    pub attention_mask: Array2<i64>,
    /// Zero for the first sentence and for padding.
    pub token_type_ids: Array2<i64>,
}

impl Tokeniser {
    /// Opens the tokeniser of a folder.
    ///
    /// Texts are cut to `max_seq_length` of `sentence_bert_config.json`, or else `model_max_length` of
    /// `tokenizer_config.json`, or else the places that `config.json` has; `tokenizer.json`'s own cutting and padding
    /// are left aside, as sentence-transformers leaves them.
    ///
    /// # Errors
    /// When `tokenizer.json` is missing or is none.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("tokenizer.json");
        let Some(content) = bytes(&path)? else {
            bail!("{} has no tokenizer.json; save the tokeniser with its fast version", folder.display());
        };
        let mut inner = guarded(|| Tokenizer::from_bytes(&content))
            .with_context(|| format!("{} is no tokeniser that is read", path.display()))?;
        let padding = padding_of(folder, &inner)?;
        let longest = longest_of(folder)?;
        let added = inner.get_post_processor().map_or(0, |p| p.added_tokens(false));
        ensure!(
            longest > added,
            "{}: texts are cut to {longest} token(s), but {added} are added to each; the folder's limit is too low",
            folder.display()
        );
        inner.with_padding(None);
        let truncation = TruncationParams { max_length: longest, ..Default::default() };
        inner.with_truncation(Some(truncation)).map_err(|e| anyhow!("{}: {e}", path.display()))?;
        Ok(Self { inner, padding, longest })
    }

    /// Tokens of a text at most.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Cuts texts to `longest` tokens, where that is less than now.
    ///
    /// # Errors
    /// When nothing would be left beside the tokens that are added to each text.
    pub fn cut_to(&mut self, longest: usize) -> Result<()> {
        if longest >= self.longest {
            return Ok(());
        }
        let added = self.inner.get_post_processor().map_or(0, |p| p.added_tokens(false));
        ensure!(longest > added, "texts cannot be cut to {longest} token(s): {added} are added to each");
        let truncation = TruncationParams { max_length: longest, ..Default::default() };
        self.inner.with_truncation(Some(truncation)).map_err(|e| anyhow!("{e}"))?;
        self.longest = longest;
        Ok(())
    }

    /// Largest id that the tokeniser can yield, and one.
    pub fn vocabulary(&self) -> usize {
        let largest = self.inner.get_vocab(true).values().copied().max();
        largest.map_or(0, |id| id as usize + 1)
    }

    /// The ids of texts. The same for any number of threads.
    ///
    /// # Errors
    /// When a text cannot be told apart into tokens.
    pub fn encode<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Encoded> {
        let rows: Vec<(Vec<u32>, Vec<u32>)> = texts
            .par_iter()
            .map(|text| {
                let encoding = guarded(|| self.inner.encode_fast(text.as_ref(), true))?;
                Ok((encoding.get_ids().to_vec(), encoding.get_type_ids().to_vec()))
            })
            .collect::<Result<_>>()?;
        let width = rows.iter().map(|(ids, _)| ids.len()).max().unwrap_or(0);
        let shape = (rows.len(), width);
        let mut encoded = Encoded {
            input_ids: Array2::from_elem(shape, self.padding),
            attention_mask: Array2::zeros(shape),
            token_type_ids: Array2::zeros(shape),
        };
        for (row, (ids, types)) in rows.iter().enumerate() {
            for (at, id) in ids.iter().enumerate() {
                encoded.input_ids[[row, at]] = i64::from(*id);
                encoded.attention_mask[[row, at]] = 1;
                encoded.token_type_ids[[row, at]] = types.get(at).copied().map_or(0, i64::from);
            }
        }
        Ok(encoded)
    }
}

/// What the tokenisers' crate does, a panic as an error: its files are somebody else's.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T> {
    match caught(work) {
        Ok(done) => done.map_err(|e| anyhow!("{e}")),
        Err(_) => bail!("the tokeniser failed; its tokenizer.json may be damaged"),
    }
}

/// The id of padding: what `tokenizer.json` says, else the id of `tokenizer_config.json`'s padding token, else
/// `config.json`'s, else zero. The mask leaves it aside anyway.
fn padding_of(folder: &Path, inner: &Tokenizer) -> Result<i64> {
    if let Some(padding) = inner.get_padding() {
        return Ok(padding.pad_id.into());
    }
    let config = json(&folder.join("tokenizer_config.json"))?;
    let token = config.as_ref().and_then(|c| c.get("pad_token"));
    let token = token.and_then(|t| t.as_str().or_else(|| t.get("content")?.as_str()));
    if let Some(id) = token.and_then(|token| inner.token_to_id(token)) {
        return Ok(id.into());
    }
    let config = json(&folder.join("config.json"))?;
    Ok(config.and_then(|c| c.get("pad_token_id")?.as_u64()).and_then(|id| u32::try_from(id).ok()).unwrap_or(0).into())
}

fn longest_of(folder: &Path) -> Result<usize> {
    let limit = |file: &str, key: &str| -> Result<Option<usize>> {
        let config = json(&folder.join(file))?;
        let found = config.and_then(|c| c.get(key)?.as_u64()).filter(|n| *n < NO_LIMIT);
        Ok(found.and_then(|n| usize::try_from(n).ok()))
    };
    if let Some(longest) = limit("sentence_bert_config.json", "max_seq_length")? {
        return Ok(longest);
    }
    if let Some(longest) = limit("tokenizer_config.json", "model_max_length")? {
        return Ok(longest);
    }
    let places = limit("config.json", "max_position_embeddings")?;
    let model = json(&folder.join("config.json"))?;
    let model = model.as_ref().and_then(|c| c.get("model_type")).and_then(Value::as_str);
    // RoBERTa's table of places begins with two rows for padding.
    let apart = if matches!(model, Some("roberta" | "xlm-roberta" | "camembert")) { 2 } else { 0 };
    Ok(places.map_or(USUAL_LONGEST, |n| n.saturating_sub(apart)))
}
