//! Maximum likelihood over the logarithms of positive parameters.

use argmin::{
    core::{CostFunction, Executor, Gradient, State as _, TerminationReason, TerminationStatus},
    solver::{linesearch::MoreThuenteLineSearch, quasinewton::LBFGS},
};

use crate::Error;

/// Curvature pairs that are kept.
const MEMORY: usize = 8;
const ITERATIONS: u64 = 500;
/// Of the mean log-likelihood by the logarithms of the parameters.
const GRADIENT: f64 = 1e-8;
/// A logarithm beyond this is no estimate: the likelihood rises to the edge.
const EDGE: f64 = 14.0;

/// A likelihood of positive parameters.
pub trait Likelihood {
    /// How many customers it is over.
    fn count(&self) -> usize;
    /// The log-likelihood of all customers.
    fn value(&self, parameters: &[f64]) -> f64;
    /// Its derivatives.
    fn gradient(&self, parameters: &[f64]) -> Vec<f64>;
}

/// Where a likelihood is greatest.
#[derive(Debug, Clone, PartialEq)]
pub struct Maximum {
    pub parameters: Vec<f64>,
    pub log_likelihood: f64,
    /// The greatest value lies at the edge of the parameters, not at these.
    pub at_edge: bool,
}

struct Problem<'a, L>(&'a L);

fn exp(logs: &[f64]) -> Vec<f64> {
    logs.iter().map(|log| log.clamp(-EDGE - 1.0, EDGE + 1.0).exp()).collect()
}

impl<L: Likelihood> CostFunction for Problem<'_, L> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, logs: &Self::Param) -> Result<f64, argmin::core::Error> {
        Ok(-self.0.value(&exp(logs)) / self.0.count() as f64)
    }
}

impl<L: Likelihood> Gradient for Problem<'_, L> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, logs: &Self::Param) -> Result<Vec<f64>, argmin::core::Error> {
        let parameters = exp(logs);
        let count = self.0.count() as f64;
        let derivatives = self.0.gradient(&parameters);
        // the chain rule: the derivative by a logarithm is the parameter times that by the parameter
        Ok(derivatives.iter().zip(&parameters).map(|(by, parameter)| -by * parameter / count).collect())
    }
}

/// Finds the greatest likelihood from `start`.
///
/// # Errors
/// The search came to no end, or to no number.
pub fn maximise(method: &'static str, likelihood: &impl Likelihood, start: &[f64]) -> Result<Maximum, Error> {
    let failed = |why: String| Error::Numerical { method, why };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_grad(GRADIENT)
        .and_then(|solver| solver.with_tolerance_cost(1e-14))
        .map_err(|error| failed(error.to_string()))?;
    let logs: Vec<f64> = start.iter().map(|parameter| parameter.ln()).collect();
    let found = Executor::new(Problem(likelihood), solver)
        .configure(|state| state.param(logs).max_iters(ITERATIONS))
        .run()
        .map_err(|error| failed(error.to_string()))?;
    let state = found.state();
    if let TerminationStatus::Terminated(TerminationReason::MaxItersReached) = state.get_termination_status()
    {
        return Err(failed(format!("no maximum within {ITERATIONS} steps")));
    }
    let logs = state.get_best_param().ok_or_else(|| failed("nothing was found".to_owned()))?;
    let parameters = exp(logs);
    let log_likelihood = likelihood.value(&parameters);
    if !log_likelihood.is_finite() {
        return Err(failed(format!("the likelihood is {log_likelihood} at {parameters:?}")));
    }
    Ok(Maximum { at_edge: logs.iter().any(|log| log.abs() > EDGE), parameters, log_likelihood })
}
