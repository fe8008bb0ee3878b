//! A file becomes a program over one row.

use std::{
    collections::BTreeSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tract_onnx::{
    pb::{
        GraphProto,
        tensor_proto::{DataLocation, DataType},
        tensor_shape_proto::dimension::Value as Size,
        type_proto::Value::TensorType,
    },
    prelude::{
        Arc, DatumType, Framework as _, InferenceFact, InferenceModelExt as _, IntoRunnable as _,
        IntoTensor as _, Tensor, TractError, TypedModel, TypedSimplePlan, tract_ndarray::Array2, tvec,
    },
};

use super::tidy::tidy;
use crate::Error;

/// What can be run.
pub(super) struct Program {
    plan: Arc<TypedSimplePlan>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

pub(super) fn refused(why: impl Into<String>) -> Error {
    Error::invalid("onnx", why)
}

impl Program {
    /// Reads a file.
    pub(super) fn new(file: &[u8], features: usize) -> Result<Self, Error> {
        // the file comes from outside, and its reader checks what it expects by panicking in places
        let read = catch_unwind(AssertUnwindSafe(|| read(file, features)));
        read.unwrap_or_else(|_| Err(refused("it cannot be read")))
    }

    /// What the model says of a row; NaN where it fails.
    pub(super) fn probability(&self, row: &[f64]) -> f64 {
        let narrow = row.iter().map(|&value| value as f32).collect();
        let Ok(row) = Array2::from_shape_vec((1, row.len()), narrow) else { return f64::NAN };
        let told = catch_unwind(AssertUnwindSafe(|| {
            let result = self.plan.run(tvec!(row.into_tensor().into())).ok()?;
            let result = result.first()?.cast_to::<f32>().ok()?.into_owned();
            last(&result)
        }));
        told.ok().flatten().unwrap_or(f64::NAN)
    }
}

fn last(of: &Tensor) -> Option<f64> {
    of.view().as_slice::<f32>().ok()?.last().copied().map(f64::from)
}

fn read(file: &[u8], features: usize) -> Result<Program, Error> {
    let onnx = tract_onnx::onnx();
    let told = |error: TractError| refused(format!("{error:#}"));
    let mut proto =
        onnx.proto_model_for_read(&mut &*file).map_err(|_| refused("this is no file of that format"))?;
    let graph = proto.graph.as_mut().ok_or_else(|| refused("there is no graph in it"))?;
    if graph.initializer.iter().any(|of| of.data_location() == DataLocation::External) {
        return Err(refused("its weights lie in another file; one that holds them is accepted"));
    }
    fits(graph, features)?;
    tidy(graph)?;
    let known = |name: &String| onnx.op_register.0.contains_key(name);
    let unknown: BTreeSet<&str> =
        graph.node.iter().map(|node| &node.op_type).filter(|name| !known(name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let unknown: Vec<&str> = unknown.into_iter().collect();
        return Err(refused(format!("these operators are not known: {}", unknown.join(", "))));
    }
    let mut model = onnx.model_for_proto_model(&proto).map_err(told)?;
    let fact = InferenceFact::dt_shape(DatumType::F32, tvec!(1, features));
    model.set_input_fact(0, fact).map_err(told)?;
    let typed = model.into_typed().map_err(told)?;
    let fact = typed.output_fact(0).map_err(told)?;
    if !matches!(fact.shape.as_concrete(), Some([1] | [1, 1 | 2])) {
        let why = format!(
            "a result of [rows], [rows, 1] or [rows, 2] is accepted; of one row it is {:?}",
            fact.shape
        );
        return Err(refused(why));
    }
    let plan = typed.into_optimized().and_then(TypedModel::into_runnable).map_err(told)?;
    Ok(Program { plan })
}

/// One input, of as many floats as there are features.
fn fits(graph: &GraphProto, features: usize) -> Result<(), Error> {
    let weight = |name: &String| graph.initializer.iter().any(|of| of.name == *name);
    let inputs: Vec<_> = graph.input.iter().filter(|input| !weight(&input.name)).collect();
    let [input] = inputs.as_slice() else {
        return Err(refused(format!(
            "it has {} inputs; one, of rows and features, is accepted",
            inputs.len()
        )));
    };
    let Some(TensorType(tensor)) = input.r#type.as_ref().and_then(|of| of.value.as_ref()) else {
        return Err(refused("its input is no tensor"));
    };
    if tensor.elem_type != DataType::Float as i32 {
        return Err(refused("its input is not of 32-bit floats"));
    }
    let sizes = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    match (sizes.len(), sizes.get(1).and_then(|size| size.value.as_ref())) {
        (2, Some(Size::DimValue(wide))) if *wide != features as i64 => {
            Err(refused(format!("its input has {wide} features, {features} are named")))
        }
        (2, _) => Ok(()),
        (other, _) => {
            Err(refused(format!("its input has {other} dimensions; rows and features are accepted")))
        }
    }
}
