//! `CatalogueService`.

use salient_core::{Clock, Error, ProductId, Result, SellerId, filter, page};
use salient_kit::{accept, status};
use salient_proto::recommendation::v1::{self as pb, catalogue_service_server::CatalogueService};
use salient_store::Db;
use tonic::{Request, Response, Status};

use crate::{catalogue, store};

const PRODUCT_FIELDS: &[filter::Field] = &[
    filter::Field::text("category"),
    filter::Field::text("display_name"),
    filter::Field::new("blocked", filter::FieldKind::Bool),
];
const SELLER_FIELDS: &[filter::Field] = &[filter::Field::text("display_name")];

/// The service.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
}

#[tonic::async_trait]
impl CatalogueService for Catalogue {
    async fn upsert_products(
        &self,
        request: Request<pb::UpsertProductsRequest>,
    ) -> Result<Response<pb::UpsertProductsResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let answer = catalogue::upsert_products(&self.db, &self.clock, ctx.tenant(), message).await;
        answer.map(Response::new).map_err(status)
    }

    async fn get_product(
        &self,
        request: Request<pb::GetProductRequest>,
    ) -> Result<Response<pb::GetProductResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let id = ProductId::parse_name(&message.name)?;
            let found =
                store::catalogue::product_by_id(&mut self.db.read().await?, ctx.tenant(), &id).await?;
            found.ok_or_else(|| Error::not_found(id))
        };
        let product = found.await.map_err(status)?;
        Ok(Response::new(pb::GetProductResponse { product: Some(product.into()) }))
    }

    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Result<Response<pb::ListProductsResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let wanted = filter::parse(&message.filter, PRODUCT_FIELDS)?;
            let query = ["products", ctx.tenant().as_str(), &message.filter];
            let page = page::page(message.page_size, &message.page_token, &query)?;
            let mut read = self.db.read().await?;
            let rows =
                store::catalogue::list_products(&mut read, ctx.tenant(), wanted, page.key()?, page.limit())
                    .await?;
            Result::Ok(page.cut(rows, |product| product.id.as_str().to_owned()))
        };
        let (rows, next_page_token) = found.await.map_err(status)?;
        let products = rows.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListProductsResponse { products, next_page_token }))
    }

    async fn upsert_sellers(
        &self,
        request: Request<pb::UpsertSellersRequest>,
    ) -> Result<Response<pb::UpsertSellersResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let answer = catalogue::upsert_sellers(&self.db, &self.clock, ctx.tenant(), message).await;
        answer.map(Response::new).map_err(status)
    }

    async fn get_seller(
        &self,
        request: Request<pb::GetSellerRequest>,
    ) -> Result<Response<pb::GetSellerResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let id = SellerId::parse_name(&message.name)?;
            let found = store::catalogue::seller_by_id(&mut self.db.read().await?, ctx.tenant(), &id).await?;
            found.ok_or_else(|| Error::not_found(id))
        };
        let seller = found.await.map_err(status)?;
        Ok(Response::new(pb::GetSellerResponse { seller: Some(seller.into()) }))
    }

    async fn list_sellers(
        &self,
        request: Request<pb::ListSellersRequest>,
    ) -> Result<Response<pb::ListSellersResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let wanted = filter::parse(&message.filter, SELLER_FIELDS)?;
            let query = ["sellers", ctx.tenant().as_str(), &message.filter];
            let page = page::page(message.page_size, &message.page_token, &query)?;
            let mut read = self.db.read().await?;
            let rows =
                store::catalogue::list_sellers(&mut read, ctx.tenant(), wanted, page.key()?, page.limit())
                    .await?;
            Result::Ok(page.cut(rows, |seller| seller.id.as_str().to_owned()))
        };
        let (rows, next_page_token) = found.await.map_err(status)?;
        let sellers = rows.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListSellersResponse { sellers, next_page_token }))
    }
}
