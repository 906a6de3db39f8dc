//! Where in a saved object the model's tensors are.

use super::Problem;
use super::outline::{Id, Outline};

/// Keys under which people save a state dict, the most telling first.
const USUAL_KEYS: [&str; 8] =
    ["state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params"];

/// The tensors of the state dict, by name, in the order in which they were saved.
///
/// A key that was asked for comes first (empty for the saved object itself), then the usual keys, then the saved object
/// itself when its entries are tensors, then the one entry that is a dict of tensors. An optimiser's tensors lie deeper
/// than a state dict's, so they are none of these.
///
/// # Errors
/// When there is no such key, there are no tensors, or it is not clear which are the model's.
pub(super) fn choose(outline: &Outline, wanted: Option<&str>) -> Result<Vec<(String, Id)>, Problem> {
    let Some(entries) = outline.entries(outline.root) else {
        return Err(Problem::NotADict { found: outline.kind(outline.root) });
    };
    let known: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    let unclear = |reason: String| Problem::WhichStateDict { reason, known: known.join(", ") };
    let of_key = |wanted: &str| entries.iter().find(|(key, _)| key == wanted).map(|&(_, id)| id);

    let direct = outline.tensors_in(outline.root);
    if let Some(wanted) = wanted {
        let tensors = match of_key(wanted) {
            Some(id) => outline.tensors_below(id)?,
            None if wanted.is_empty() => direct,
            None => return Err(unclear(format!("there is no entry {wanted}"))),
        };
        return match tensors.is_empty() {
            true => Err(unclear(format!("the entry {wanted} holds no tensors"))),
            false => Ok(tensors),
        };
    }
    for key in USUAL_KEYS {
        // A parameter may well be called `weights`; a state dict is not a tensor.
        if let Some(id) = of_key(key).filter(|&id| !outline.is_tensor(id)) {
            let tensors = outline.tensors_below(id)?;
            if !tensors.is_empty() {
                return Ok(tensors);
            }
        }
    }
    let mut candidates: Vec<(&str, Vec<(String, Id)>)> =
        entries.iter().map(|(key, id)| (key.as_str(), outline.tensors_in(*id))).collect();
    candidates.retain(|(_, tensors)| !tensors.is_empty());
    let names = candidates.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
    match (direct.is_empty(), candidates.pop()) {
        (false, None) => Ok(direct),
        (true, Some((_, tensors))) if candidates.is_empty() => Ok(tensors),
        (true, None) if outline.tensors_below(outline.root)?.is_empty() => Err(Problem::NoTensors),
        (true, None) => Err(unclear("tensors are nested too deeply to tell which are the model's".into())),
        (true, Some(_)) => Err(unclear(format!("several entries hold tensors ({names})"))),
        (false, Some(_)) => Err(unclear(format!("there are tensors at the top (\"\") and in other entries ({names})"))),
    }
}
