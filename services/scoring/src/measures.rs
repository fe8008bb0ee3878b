//! What is measured of regions: taking it, and telling what there is.

use prost::Message as _;
use salient_core::{Error, Result, TenantId, Violation, from_micros, page};
use salient_learn::declared::Measure;
use salient_proto::scoring::v1 as pb;
use salient_store::idempotency;

use crate::{grpc::convert, run::Scoring, store::measures as store};

fn id_of(name: &str) -> &str {
    name.strip_prefix("series/").unwrap_or(name)
}

/// Measures of the contract.
///
/// # Errors
/// Times that no calendar has, and values that are not finite, by field.
fn measures(from: &[pb::Measure]) -> Result<Vec<Measure>> {
    let (mut read, mut wrong) = (Vec::with_capacity(from.len()), Vec::new());
    for (place, of) in from.iter().enumerate() {
        let mut refuse = |field: &str, description: &str| {
            let field = format!("measures[{place}].{field}");
            wrong.push(Violation { field, description: description.to_owned() });
        };
        let micros =
            |at: Option<&prost_types::Timestamp>| at.and_then(convert::time).map(|at| at.timestamp_micros());
        let (valid_time, published) = (micros(of.measure_time.as_ref()), micros(of.publish_time.as_ref()));
        for (field, time) in [("measure_time", valid_time), ("publish_time", published)] {
            if time.is_none() {
                refuse(field, "a time that a calendar has is accepted");
            }
        }
        if !of.value.is_finite() {
            refuse("value", "a finite number is accepted");
        }
        if let (Some(valid_time), Some(published)) = (valid_time, published) {
            let (series, region) = (id_of(&of.series).to_owned(), of.region.clone());
            read.push(Measure { series, region, valid_time, published, value: of.value });
        }
    }
    if wrong.is_empty() { Ok(read) } else { Err(Error::fields(wrong)) }
}

impl Scoring {
    /// Keeps measures.
    ///
    /// # Errors
    /// What cannot be, by field.
    pub async fn measured(
        &self,
        tenant: &TenantId,
        request: &pb::UpsertMeasuresRequest,
    ) -> Result<pb::UpsertMeasuresResponse> {
        const METHOD: &str = "UpsertMeasures";
        let measures = measures(&request.measures)?;
        let mut tx = self.db.begin().await?;
        if let Some(answer) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, request).await?
        {
            return pb::UpsertMeasuresResponse::decode(answer.as_slice()).map_err(Error::internal);
        }
        store::put_in_tx(&mut tx, tenant, &measures).await?;
        let measures = i32::try_from(measures.len()).unwrap_or(i32::MAX);
        let answer = pb::UpsertMeasuresResponse { measures };
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// A page of series, by name and region.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID`.
    pub async fn series(
        &self,
        tenant: &TenantId,
        request: &pb::ListSeriesRequest,
    ) -> Result<pb::ListSeriesResponse> {
        let page = page::page(request.page_size, &request.page_token, &["series", tenant.as_str()])?;
        let after: Option<(String, String)> = page.key()?;
        let rows = store::list(&mut self.db.read().await?, tenant, after.as_ref(), page.limit()).await?;
        let (rows, next_page_token) = page.cut(rows, |row| (row.0.clone(), row.1.clone()));
        let series =
            |(series, region, measures, first, last): store::Summary| pb::list_series_response::Series {
                name: format!("series/{series}"),
                region,
                measures,
                first_publish_time: Some(convert::timestamp(from_micros(first))),
                last_publish_time: Some(convert::timestamp(from_micros(last))),
            };
        Ok(pb::ListSeriesResponse { series: rows.into_iter().map(series).collect(), next_page_token })
    }

    /// Removes a series.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn forget_series(
        &self,
        tenant: &TenantId,
        request: &pb::DeleteSeriesRequest,
    ) -> Result<pb::DeleteSeriesResponse> {
        const METHOD: &str = "DeleteSeries";
        let mut tx = self.db.begin().await?;
        if let Some(answer) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, request).await?
        {
            return pb::DeleteSeriesResponse::decode(answer.as_slice()).map_err(Error::internal);
        }
        if !store::remove_in_tx(&mut tx, tenant, id_of(&request.name)).await? {
            return Err(Error::not_found(&request.name));
        }
        let answer = pb::DeleteSeriesResponse {};
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(answer)
    }
}
