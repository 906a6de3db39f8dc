//! All weights and biases of a network in one row, as the optimiser steps through them.

use crate::subject::{Architecture, Dense, Network};
use anyhow::Result;
use ndarray::{Array1, Array2};
use std::ops::Range;

/// Where one layer's numbers are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Weights [outputs × inputs].
    pub(super) weight: Range<usize>,
    pub(super) bias: Range<usize>,
}

/// The places of a network's layers, layer after layer, weights before biases.
pub(super) fn places(architecture: &Architecture) -> Vec<Place> {
    let mut at = 0;
    let place = |sizes: &[usize]| {
        let (inputs, outputs) = (sizes[0], sizes[1]);
        let weight = at..at + inputs * outputs;
        let bias = weight.end..weight.end + outputs;
        at = bias.end;
        Place { inputs, outputs, weight, bias }
    };
    architecture.layers.windows(2).map(place).collect()
}

pub(super) fn from_network(network: &Network) -> Vec<f32> {
    network.layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.bias).copied()).collect()
}

pub(super) fn to_network(parameters: &[f32], places: &[Place], architecture: &Architecture) -> Result<Network> {
    let layer = |place: &Place| {
        let weight = parameters[place.weight.clone()].to_vec();
        Ok(Dense {
            weight: Array2::from_shape_vec((place.outputs, place.inputs), weight)?,
            bias: Array1::from_vec(parameters[place.bias.clone()].to_vec()),
        })
    };
    Ok(Network { architecture: architecture.clone(), layers: places.iter().map(layer).collect::<Result<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::train::Initialiser;
    use crate::subject::{Activation, Output};

    #[test]
    fn there_and_back() {
        let layers = vec![3, 5, 2];
        let architecture = Architecture { layers, activation: Activation::Tanh, output: Output::Softmax, keys: None };
        let network = Initialiser::XavierNormal.network(&architecture, 4);
        let row = from_network(&network);
        assert_eq!(row.len(), 15 + 5 + 10 + 2);
        let places = places(&architecture);
        assert_eq!((places[1].weight.clone(), places[1].bias.clone()), (20..30, 30..32));
        assert_eq!(to_network(&row, &places, &architecture).unwrap(), network);
    }
}
