//! Versions in memory: reading one from its text takes longer than anything else that a score is told by.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use salient_core::{ModelId, TenantId};
use salient_store::{Connection, Result};

use crate::{domain::Body, store::models};

/// Versions that are kept at most; a version with its trees is up to two megabytes.
const MOST: usize = 16;

/// What was trained, by version; it never changes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Bodies(Arc<Mutex<HashMap<(TenantId, ModelId), Body>>>);

impl Bodies {
    /// What a version is.
    ///
    /// # Errors
    /// The store fails.
    pub async fn get(
        &self,
        conn: &mut impl Connection,
        tenant: &TenantId,
        model: ModelId,
    ) -> Result<Option<Body>> {
        let key = (tenant.clone(), model);
        // nothing can panic while it is held, so that a poisoned one is as good as any
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(body) = models::by_id(conn, tenant, model).await?.map(|model| model.body) else {
            return Ok(None);
        };
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bodies.len() >= MOST {
            bodies.clear();
        }
        bodies.insert(key, body.clone());
        Ok(Some(body))
    }
}
