//! A pass through the transformer.

use super::tensors::Tensors;
use super::{Config, Kind, PADDING, Positions, Residual, Site};
use crate::DictionaryError;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData, activation};
use ndarray::{Array2, ArrayView2};

/// What may change the codes that fire at a place [sequences·length × groups·k]: a row a token, sequence after sequence.
pub(super) type Hook<'a> = &'a (dyn Fn(Site, &mut Array2<u32>) + Sync);

/// How a pass is done.
#[derive(Clone, Copy)]
pub(super) struct Mode<'a> {
    /// Whether codebooks are used where they are; without, activations go on as they are.
    pub(super) codebooks: bool,
    /// Whether the activations at the codebooks' places and inside the MLPs are kept.
    pub(super) activations: bool,
    /// What changes the codes.
    pub(super) hook: Option<Hook<'a>>,
}

/// What a codebook did in a pass.
pub(super) struct Fired {
    pub(super) site: Site,
    pub(super) ids: Array2<u32>,
    /// The layer-normed activations [tokens × width].
    pub(super) normed: Tensor<2>,
    /// Mean over tokens of the squared error of reconstruction.
    pub(super) error: f64,
    pub(super) reconstruction: Option<Tensor<1>>,
    pub(super) commitment: Option<Tensor<1>>,
}

/// What a pass yields.
pub(super) struct Pass {
    /// [sequences·length × vocabulary]
    pub(super) logits: Tensor<2>,
    pub(super) fired: Vec<Fired>,
    /// Heads' outputs, then the MLP's inside and its output, layer after layer [tokens × columns].
    pub(super) activations: Vec<(usize, &'static str, Tensor<2>)>,
}

/// The tables of rotary positions: cosines and sines [1, 1, length, columns of a head], and the matrix that turns by a
/// quarter [columns × columns].
struct Rotary {
    cosines: Tensor<4>,
    sines: Tensor<4>,
    quarter: Tensor<4>,
}

impl Rotary {
    /// NeoX-like: of the first `turned` columns, the one at i pairs with the one at i + turned/2, at the frequency
    /// 10000^(−2i/turned). Columns after them stand still: cosine 1, sine 0.
    fn new(config: &Config, length: usize, device: &Device) -> Self {
        let (columns, turned) = (config.head_width(), config.turned());
        let half = turned / 2;
        let angle = |t: usize, c: usize| t as f64 * 10_000f64.powf(-2.0 * (c % half) as f64 / turned as f64);
        let table = |f: &dyn Fn(f64) -> f64, still: f32| {
            let values: Vec<f32> = (0..length)
                .flat_map(|t| (0..columns).map(move |c| (t, c)))
                .map(|(t, c)| if c < turned { f(angle(t, c)) as f32 } else { still })
                .collect();
            Tensor::<4>::from_data(TensorData::new(values, [1, 1, length, columns]), device)
        };
        let mut quarter = vec![0.0f32; columns * columns];
        for i in 0..half {
            // x · R: column i gets −x[i + half], column i + half gets x[i].
            quarter[(i + half) * columns + i] = -1.0;
            quarter[i * columns + i + half] = 1.0;
        }
        let quarter = Tensor::<4>::from_data(TensorData::new(quarter, [1, 1, columns, columns]), device);
        Self { cosines: table(&f64::cos, 1.0), sines: table(&f64::sin, 0.0), quarter }
    }

    /// Turns queries or keys [sequences, heads, length, columns].
    fn turn(&self, x: Tensor<4>) -> Tensor<4> {
        let [sequences, heads, length, columns] = x.dims();
        let flat: Tensor<2> = x.clone().reshape([sequences * heads * length, columns]);
        let turned = flat.matmul(self.quarter.clone().reshape([columns, columns]));
        x * self.cosines.clone() + turned.reshape([sequences, heads, length, columns]) * self.sines.clone()
    }
}

/// Passes tokens [sequences × length] through the network; padding counts as token 0, whose output is not used.
pub(super) fn forward(tensors: &Tensors<'_>, tokens: ArrayView2<u32>, mode: Mode<'_>) -> Result<Pass, DictionaryError> {
    let config = tensors.config;
    let (sequences, length) = tokens.dim();
    if length == 0 || length > config.length {
        let rule = "sequences must have one token at least, and no more than the model's length";
        return Err(DictionaryError::BadParameter { name: "tokens of a sequence", value: length as f64, rule });
    }
    let ids: Vec<i64> = tokens.iter().map(|&t| if t == PADDING { 0 } else { i64::from(t) }).collect();
    if let Some(&token) = ids.iter().find(|&&t| t >= config.vocabulary as i64) {
        return Err(DictionaryError::Data(format!(
            "token {token} was found, but there are {} (from 0)",
            config.vocabulary
        )));
    }
    let count = ids.len();
    let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [count]), &tensors.device);
    let mut x: Tensor<2> = tensors.matrix("embedding")?.select(0, ids);
    let rotary = match config.positions {
        Positions::Learned => {
            let positions = tensors.matrix("positions")?.narrow(0, 0, length);
            let placed = x.reshape([sequences, length, config.width]) + positions.unsqueeze::<3>();
            x = placed.reshape([count, config.width]);
            None
        }
        Positions::Rotary { .. } => Some(Rotary::new(config, length, &tensors.device)),
    };
    let later: Vec<bool> = (0..length * length).map(|at| at % length > at / length).collect();
    let later = Tensor::<2, Bool>::from_data(TensorData::new(later, [length, length]), &tensors.device);
    let mask = later.unsqueeze::<4>().expand([sequences, config.heads, length, length]);
    let mut run = Run { tensors, mode, fired: vec![], activations: vec![] };
    for layer in 0..config.layers {
        let attended = run.attention(layer, x.clone(), (sequences, length), rotary.as_ref(), &mask)?;
        x = match config.residual {
            Residual::Parallel => {
                let mlp = run.mlp(layer, x.clone())?;
                x + attended + mlp
            }
            Residual::Sequential => {
                let between = x + attended;
                let mlp = run.mlp(layer, between.clone())?;
                between + mlp
            }
        };
    }
    let x = tensors.norm("norm", x)?;
    let head = if config.tied { tensors.matrix("embedding")?.transpose() } else { tensors.matrix("head")? };
    Ok(Pass { logits: x.matmul(head), fired: run.fired, activations: run.activations })
}

/// A pass under way.
struct Run<'a> {
    tensors: &'a Tensors<'a>,
    mode: Mode<'a>,
    fired: Vec<Fired>,
    activations: Vec<(usize, &'static str, Tensor<2>)>,
}

impl Run<'_> {
    fn attention(
        &mut self,
        layer: usize,
        x: Tensor<2>,
        (sequences, length): (usize, usize),
        rotary: Option<&Rotary>,
        later: &Tensor<4, Bool>,
    ) -> Result<Tensor<2>, DictionaryError> {
        let config = self.tensors.config;
        let (heads, columns) = (config.heads, config.head_width());
        let x = self.tensors.norm(&format!("layers.{layer}.norm_1"), x)?;
        let all = self.tensors.linear(&format!("layers.{layer}.attention.in"), x)?;
        // [sequences, heads of queries, keys and values, length, columns]
        let all = all.reshape([sequences, length, 3 * heads, columns]).swap_dims(1, 2);
        let (mut q, mut k) = (all.clone().narrow(1, 0, heads), all.clone().narrow(1, heads, heads));
        let v = all.narrow(1, 2 * heads, heads);
        if let Some(rotary) = rotary {
            (q, k) = (rotary.turn(q), rotary.turn(k));
        }
        let scores = q.matmul(k.swap_dims(2, 3)) * (1.0 / (columns as f32).sqrt());
        let weights = activation::softmax(scores.mask_fill(later.clone(), -1e9), 3);
        let out = weights.matmul(v).swap_dims(1, 2).reshape([sequences * length, config.width]);
        self.keep(layer, "attention", &out);
        let out = self.replaced(Site { layer, kind: Kind::Attention }, out)?;
        self.tensors.linear(&format!("layers.{layer}.attention.out"), out)
    }

    fn mlp(&mut self, layer: usize, x: Tensor<2>) -> Result<Tensor<2>, DictionaryError> {
        let x = self.tensors.norm(&format!("layers.{layer}.norm_2"), x)?;
        let x = activation::gelu(self.tensors.linear(&format!("layers.{layer}.mlp.in"), x)?);
        self.keep(layer, "mlp_hidden", &x);
        let x = self.tensors.linear(&format!("layers.{layer}.mlp.out"), x)?;
        self.keep(layer, "mlp", &x);
        self.replaced(Site { layer, kind: Kind::Mlp }, x)
    }

    fn keep(&mut self, layer: usize, part: &'static str, x: &Tensor<2>) {
        if self.mode.activations {
            self.activations.push((layer, part, x.clone().detach()));
        }
    }

    /// The codes in place of an activation, where there is a codebook.
    fn replaced(&mut self, site: Site, x: Tensor<2>) -> Result<Tensor<2>, DictionaryError> {
        if !self.mode.codebooks {
            return Ok(x);
        }
        let Some(codebook) = self.tensors.codebook(site)? else { return Ok(x) };
        let snapped = match self.mode.hook {
            Some(hook) => codebook.forward_with(x, |ids| hook(site, ids))?,
            None => codebook.forward(x)?,
        };
        let error = match &snapped.reconstruction {
            Some(error) => f64::from(error.clone().detach().into_scalar::<f32>()),
            None => {
                let gap = snapped.output.clone().detach() - snapped.normed.clone();
                f64::from(gap.square().sum().into_scalar::<f32>()) / snapped.ids.nrows() as f64
            }
        };
        self.fired.push(Fired {
            site,
            ids: snapped.ids,
            normed: snapped.normed,
            error,
            reconstruction: snapped.reconstruction,
            commitment: snapped.commitment,
        });
        Ok(snapped.output)
    }
}
