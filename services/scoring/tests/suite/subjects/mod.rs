//! Models about people, possible sales and leads.

mod leads;
mod people;
mod sales;

use std::collections::BTreeSet;

use salient_kit::Role;
use salient_proto::scoring::v1::{GetScoreRequest, ListFeaturesRequest, Score, model_declaration::Subject};
use salient_store::sql;
use tonic::Status;

use crate::{company::NAME, world::World};

pub const DAYS: i64 = 300;

impl World {
    pub async fn said_of(&self, name: &str, of: &str) -> Result<Score, Status> {
        let (name, model_declaration) = (format!("{name}/score"), of.to_owned());
        let request = GetScoreRequest { name, model_declaration, as_of: None };
        Ok(self.operator().get_score(request).await?.into_inner().score.unwrap())
    }

    pub async fn names_of(&self, subject: Subject) -> BTreeSet<String> {
        let request = ListFeaturesRequest { page_size: 1000, subject: subject.into(), ..Default::default() };
        let mut client = self.declarations("acme", Role::Manager);
        let found = client.list_features(request).await.unwrap().into_inner();
        assert_eq!(found.next_page_token, "");
        found.features.into_iter().map(|feature| feature.name).collect()
    }

    pub async fn count(&self, text: &'static str, id: &str) -> i64 {
        let id: uuid::Uuid = id.rsplit('/').next().unwrap().parse().unwrap();
        let db = self.db().await;
        let (count,): (i64,) = sql(text).bind(id).fetch_one(&mut db.read().await.unwrap()).await.unwrap();
        db.close().await;
        count
    }
}

/// The score of each subject again, from its version and its frozen features.
pub async fn are_given_again(world: &World, scores: &[Score], as_of: Option<prost_types::Timestamp>) {
    for listed in scores {
        let score = world.said_of(&listed.subject, NAME).await.unwrap();
        assert_eq!(
            (score.name.clone(), &score.account),
            (format!("{}/score", listed.subject), &listed.account)
        );
        assert_eq!(world.declared_score(&listed.subject, as_of).await, score);
    }
}

pub fn mean<'s>(scores: impl Iterator<Item = &'s Score>) -> f64 {
    let of: Vec<f64> = scores.map(|score| score.probability).collect();
    of.iter().sum::<f64>() / of.len() as f64
}
