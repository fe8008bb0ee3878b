//! What exports of common libraries have around the model: made plain before it is read.

use std::collections::HashSet;

use tract_onnx::pb::{
    GraphProto, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType, type_proto::Value::TensorType,
};

use super::run::refused;
use crate::Error;

/// Leaves the graph with the one result that is the probability and what leads to it, in operators that can
/// be run: probabilities by the name of their class (`ZipMap`) are handed on as they are, standardisation
/// (`Scaler`) becomes a subtraction and a product, and base values of trees stand for each class.
///
/// # Errors
/// [`Error::Invalid`] when no result may be a probability.
pub(super) fn tidy(graph: &mut GraphProto) -> Result<(), Error> {
    let named: HashSet<String> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "ZipMap")
        .flat_map(|node| node.output.clone())
        .collect();
    let probability = |of: &&ValueInfoProto| named.contains(&of.name) || is_floats(of);
    let result = graph.output.iter().rfind(probability).cloned().ok_or_else(|| {
        let names: Vec<&str> = graph.output.iter().map(|of| of.name.as_str()).collect();
        refused(format!(
            "no result of floats is among {}; one that is the probability is accepted",
            names.join(", ")
        ))
    })?;
    // what its type was before the names of classes were taken away says nothing any more
    graph.output = vec![ValueInfoProto { r#type: None, ..result }];
    let mut node = Vec::with_capacity(graph.node.len());
    for of in std::mem::take(&mut graph.node) {
        match of.op_type.as_str() {
            "ZipMap" => node.push(plain("Identity", &of, of.input.clone(), of.output.clone())),
            "TreeEnsembleClassifier" => node.push(with_a_base_for_each(of)),
            "Scaler" => scaler(&of, &mut node, &mut graph.initializer),
            _ => node.push(of),
        }
    }
    graph.node = leading_to(node, &graph.output);
    Ok(())
}

fn is_floats(of: &ValueInfoProto) -> bool {
    let kind = match of.r#type.as_ref().and_then(|of| of.value.as_ref()) {
        Some(TensorType(tensor)) => tensor.elem_type,
        _ => return false,
    };
    [DataType::Float as i32, DataType::Double as i32].contains(&kind)
}

fn plain(operator: &str, from: &NodeProto, input: Vec<String>, output: Vec<String>) -> NodeProto {
    let name = format!("{}.{operator}", from.name);
    NodeProto { op_type: operator.to_owned(), name, input, output, ..NodeProto::default() }
}

/// `(x - offset) * scale`, as the operators of ONNX-ML have it.
fn scaler(of: &NodeProto, into: &mut Vec<NodeProto>, weights: &mut Vec<TensorProto>) {
    let (Some(from), Some(to)) = (of.input.first(), of.output.first()) else { return };
    let mut now = from.clone();
    let steps = [("offset", "Sub", format!("{to}.less")), ("scale", "Mul", to.clone())];
    for (attribute, operator, next) in steps {
        let values = of.attribute.iter().find(|known| known.name == attribute);
        let values = values.map(|known| known.floats.clone()).unwrap_or_default();
        let name = format!("{to}.{attribute}");
        weights.push(TensorProto {
            name: name.clone(),
            data_type: DataType::Float as i32,
            dims: vec![values.len() as i64],
            float_data: values,
            ..TensorProto::default()
        });
        into.push(plain(operator, of, vec![now, name], vec![next.clone()]));
        now = next;
    }
}

/// Two classes may share one base value; it is written out for each, because `tract` asks for that. Of two
/// classes with one score it looks at the first.
fn with_a_base_for_each(mut of: NodeProto) -> NodeProto {
    let labels = of.attribute.iter().find(|known| known.name.starts_with("classlabels_"));
    let classes = labels.map_or(0, |labels| labels.ints.len().max(labels.strings.len()));
    for base in of.attribute.iter_mut().filter(|known| known.name == "base_values") {
        if base.floats.len() == 1 {
            base.floats.resize(classes.max(1), 0.0);
        }
    }
    of
}

/// The nodes that a result needs, in their order.
fn leading_to(nodes: Vec<NodeProto>, results: &[ValueInfoProto]) -> Vec<NodeProto> {
    let mut needed: HashSet<String> = results.iter().map(|of| of.name.clone()).collect();
    let mut kept = Vec::with_capacity(nodes.len());
    // nodes stand behind what they need, as the format asks
    for node in nodes.into_iter().rev() {
        if node.output.iter().any(|name| needed.contains(name)) {
            needed.extend(node.input.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}
