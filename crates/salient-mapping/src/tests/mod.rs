//! Imports of small and real files, from opening to report.

mod bad_input;
mod exported;
mod files;
mod formats;
mod mappings;
mod orders;
mod real;
mod sheet;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use salient_proto::Validate;
use salient_proto::profile::v1::{Account, Order};
use tempfile::TempDir;

use super::{Batch, Plan, Result, open};

/// A header like that of Online Retail.
const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

fn now() -> DateTime<Utc> {
    "2012-01-01T00:00:00Z".parse().unwrap()
}

/// A folder that goes away with the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Imports lines below the header of Online Retail.
    fn retail(&self, lines: &str) -> Import {
        Import::of(&self.file("retail.csv", format!("{HEADER}{lines}")), None).unwrap()
    }

    /// Imports a file through a mapping.
    fn mapped(&self, content: impl AsRef<[u8]>, mapping: &str) -> Result<Import> {
        let mapping = self.file("mapping.toml", mapping);
        Import::of(&self.file("data.csv", content), Some(&mapping))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// An import that ran through.
struct Import {
    plan: Plan,
    batches: Vec<Batch>,
}

impl Import {
    fn of(path: &Path, mapping: Option<&Path>) -> Result<Self> {
        Self::run(open(path, mapping, now())?)
    }

    fn run(mut plan: Plan) -> Result<Self> {
        let mut batches = Vec::new();
        plan.batches(|batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
        // whatever the file: what goes out keeps the contract
        for batch in &batches {
            batch.request.validate().unwrap();
            let request = &batch.request;
            request.accounts.iter().for_each(|record| record.validate().unwrap());
            request.contacts.iter().for_each(|record| record.validate().unwrap());
            request.orders.iter().for_each(|record| record.validate().unwrap());
            request.interactions.iter().for_each(|record| record.validate().unwrap());
            request.opportunities.iter().for_each(|record| record.validate().unwrap());
        }
        for request in plan.products() {
            request.validate().unwrap();
            request.products.iter().for_each(|record| record.validate().unwrap());
        }
        for request in plan.sellers() {
            request.validate().unwrap();
            request.sellers.iter().for_each(|record| record.validate().unwrap());
        }
        Ok(Self { plan, batches })
    }

    fn orders(&self) -> Vec<&Order> {
        self.batches.iter().flat_map(|batch| &batch.request.orders).collect()
    }

    fn accounts(&self) -> Vec<&Account> {
        self.batches.iter().flat_map(|batch| &batch.request.accounts).collect()
    }

    fn order(&self, id: &str) -> &Order {
        self.orders().into_iter().find(|order| order.source_key.as_ref().unwrap().id == id).unwrap()
    }

    /// Name and code of every product.
    fn products(&self) -> Vec<(String, String)> {
        let products = self.plan.products().iter().flat_map(|request| &request.products);
        products.map(|product| (product.name.clone(), product.display_name.clone())).collect()
    }

    fn skipped(&self, category: &str) -> (u64, Vec<u64>) {
        let skipped = self.plan.report().skipped.iter().find(|skipped| skipped.category == category).unwrap();
        (skipped.lines, skipped.first.clone())
    }

    /// Line, field and problem of every refused line.
    fn refused(&self) -> Vec<(u64, String, String)> {
        let lines = self.plan.report().refused_lines.iter();
        lines.map(|refused| (refused.line, refused.field.clone(), refused.problem.clone())).collect()
    }
}
