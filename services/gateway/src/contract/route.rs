//! From the RPCs of the contract to the routes that serve them.

use http::{Method, uri::PathAndQuery};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

use super::template::{Captures, Template, TemplateError};

/// The package whose services every service of the suite offers.
const SHARED: &str = "common";

/// Why the contract cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// A path template is broken.
    #[error("{rpc}: {source}")]
    Template {
        /// The RPC.
        rpc: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// Two RPCs have the same path.
    #[error("{first} and {second} are both `{method} {path}`")]
    Twice {
        /// The RPC that came first.
        first: String,
        /// The RPC that came second.
        second: String,
        /// The HTTP method of both.
        method: Method,
        /// The path of the second.
        path: String,
    },
    /// The annotation names what does not exist.
    #[error("{rpc}: {why}")]
    Annotation {
        /// The RPC.
        rpc: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What the body of a request becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none; fields come from path and query.
    None,
    /// The whole message; nothing comes from the query.
    Whole,
    /// One field, by its name in the contract; the others come from the query.
    Field(String),
}

/// Who answers an RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The service of the RPC's package.
    Service(String),
    /// The service that the path names.
    InPath,
}

/// One way to call one RPC.
#[derive(Clone, Debug)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// The template as the contract writes it.
    pub template_text: String,
    /// The template, compiled.
    pub template: Template,
    /// What the body becomes.
    pub body: Body,
    /// The field of the response that is sent instead of the whole.
    pub response_field: Option<String>,
    /// The RPC.
    pub rpc: MethodDescriptor,
    /// The RPC's gRPC path.
    pub grpc_path: PathAndQuery,
    /// Who answers.
    pub owner: Owner,
}

/// All routes.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    upstreams: Vec<String>,
}

/// What a method and a path lead to.
#[derive(Debug)]
pub enum Found<'a> {
    /// A route.
    Route(&'a Route, Captures),
    /// The path exists, with these methods only.
    OtherMethods(Vec<Method>),
    /// There is no such path.
    Nothing,
}

impl Routes {
    /// The routes of every annotated RPC in the pool.
    ///
    /// # Errors
    /// An annotation that cannot be served.
    pub fn new(pool: &DescriptorPool) -> Result<Self, RouteError> {
        let mut upstreams: Vec<String> = pool
            .services()
            .filter_map(|service| owner(service.package_name()))
            .filter_map(|owner| if let Owner::Service(name) = owner { Some(name) } else { None })
            .collect();
        upstreams.sort();
        upstreams.dedup();
        let mut routes: Vec<Route> = Vec::new();
        for service in pool.services() {
            let Some(owner) = owner(service.package_name()) else { continue };
            for rpc in service.methods() {
                for rule in rules(&rpc) {
                    let Some(route) = route(&rpc, &rule, &owner)? else { continue };
                    let twin = routes.iter().find(|other| {
                        other.method == route.method && other.template.same_shape(&route.template)
                    });
                    if let Some(twin) = twin {
                        return Err(RouteError::Twice {
                            first: twin.rpc.full_name().to_owned(),
                            second: rpc.full_name().to_owned(),
                            method: route.method,
                            path: route.template_text,
                        });
                    }
                    routes.push(route);
                }
            }
        }
        routes.sort_by(|a, b| a.template.specificity().cmp(&b.template.specificity()));
        Ok(Self { routes, upstreams })
    }

    /// The routes, the more specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// The services that the routes lead to, by name.
    pub fn upstreams(&self) -> &[String] {
        &self.upstreams
    }

    /// The route of a request.
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let mut others = Vec::new();
        for route in &self.routes {
            let wanted = route.method == method;
            if !wanted && others.contains(&route.method) {
                continue;
            }
            if let Some(captures) = route.template.captures(path, &self.upstreams) {
                if wanted {
                    return Found::Route(route, captures);
                }
                others.push(route.method.clone());
            }
        }
        if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
    }
}

/// `salient.profile.v1` is answered by the upstream `profile`.
fn owner(package: &str) -> Option<Owner> {
    let mut parts = package.rsplit('.');
    let last = parts.next()?;
    let is_version =
        last.strip_prefix('v').is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
    let name = if is_version { parts.next()? } else { last };
    Some(if name == SHARED { Owner::InPath } else { Owner::Service(name.to_owned()) })
}

/// The HTTP rules of an RPC: its own and the additional ones.
fn rules(rpc: &MethodDescriptor) -> Vec<DynamicMessage> {
    let Some(option) = rpc.parent_pool().get_extension_by_name("google.api.http") else { return Vec::new() };
    let options = rpc.options();
    if !options.has_extension(&option) {
        return Vec::new();
    }
    let value = options.get_extension(&option);
    let Some(rule) = value.as_message() else { return Vec::new() };
    let mut rules = vec![rule.clone()];
    if let Some(additional) = rule.get_field_by_name("additional_bindings")
        && let Some(list) = additional.as_list()
    {
        rules.extend(list.iter().filter_map(Value::as_message).cloned());
    }
    rules
}

fn text(message: &DynamicMessage, field: &str) -> Option<String> {
    let value = message.get_field_by_name(field)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn route(rpc: &MethodDescriptor, rule: &DynamicMessage, owner: &Owner) -> Result<Option<Route>, RouteError> {
    let annotation = |why: String| RouteError::Annotation { rpc: rpc.full_name().to_owned(), why };
    let plain = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ];
    let mut pattern = plain.into_iter().find_map(|(field, method)| Some((method, text(rule, field)?)));
    if pattern.is_none()
        && let Some(custom) = rule.get_field_by_name("custom")
        && let Some(custom) = custom.as_message()
        && let (Some(kind), Some(path)) = (text(custom, "kind"), text(custom, "path"))
    {
        let method = Method::from_bytes(kind.as_bytes()).map_err(|error| annotation(error.to_string()))?;
        pattern = Some((method, path));
    }
    let Some((method, template_text)) = pattern else { return Ok(None) };
    let mut template = Template::compile(&template_text)
        .map_err(|source| RouteError::Template { rpc: rpc.full_name().to_owned(), source })?;
    if *owner == Owner::InPath {
        template = template.with_upstream();
    }
    for binding in &template.bindings {
        if super::field_at(&rpc.input(), &binding.field).is_none() {
            return Err(annotation(format!(
                "the path binds `{}`, which is no field of the request",
                binding.field
            )));
        }
    }
    let known = |field: &str, exists: bool| {
        if exists { Ok(field.to_owned()) } else { Err(annotation(format!("there is no field `{field}`"))) }
    };
    let body = match text(rule, "body") {
        None => Body::None,
        Some(all) if all == "*" => Body::Whole,
        Some(field) => Body::Field(known(&field, rpc.input().get_field_by_name(&field).is_some())?),
    };
    let response_field = text(rule, "response_body")
        .map(|field| known(&field, rpc.output().get_field_by_name(&field).is_some()))
        .transpose()?;
    let grpc_path = format!("/{}/{}", rpc.parent_service().full_name(), rpc.name());
    let grpc_path = PathAndQuery::try_from(grpc_path).map_err(|error| annotation(error.to_string()))?;
    let owner = owner.clone();
    Ok(Some(Route {
        method,
        template_text,
        template,
        body,
        response_field,
        rpc: rpc.clone(),
        grpc_path,
        owner,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        Routes::new(salient_proto::pool()).unwrap()
    }

    #[test]
    fn every_rpc_of_the_contract_has_a_route() {
        let routes = routes();
        for rpc in salient_proto::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>())
        {
            assert!(routes.iter().any(|route| route.rpc == rpc), "{} has no route", rpc.full_name());
        }
        assert_eq!(routes.upstreams(), ["feedback", "profile", "recommendation", "scoring"]);
    }

    #[test]
    fn a_path_leads_to_its_rpc() {
        let routes = routes();
        let found = |method: Method, path: &str| match routes.find(&method, path) {
            Found::Route(route, captures) => (route.rpc.name().to_owned(), captures.upstream),
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(found(Method::GET, "/v1/accounts/a1").0, "GetAccount");
        assert_eq!(found(Method::HEAD, "/v1/accounts").0, "ListAccounts");
        assert_eq!(found(Method::GET, "/v1/accounts/a1/score").0, "GetScore");
        assert_eq!(found(Method::GET, "/v1/recommendations/r1:explain").0, "ExplainRecommendation");
        assert_eq!(found(Method::POST, "/v1/recommendations/r1:react").0, "RecordReaction");
        assert_eq!(
            found(Method::GET, "/v1/scoring/events:status"),
            ("GetEventStatus".into(), Some("scoring".into()))
        );
        assert_eq!(found(Method::GET, "/v1/profile/deadLetters").1.as_deref(), Some("profile"));
    }

    #[test]
    fn another_method_is_told_apart_from_an_unknown_path() {
        let routes = routes();
        let Found::OtherMethods(methods) = routes.find(&Method::DELETE, "/v1/accounts/a1") else { panic!() };
        assert_eq!(methods, [Method::GET]);
        assert!(matches!(routes.find(&Method::GET, "/v1/nothing"), Found::Nothing));
        assert!(matches!(routes.find(&Method::GET, "/v1/gateway/events:status"), Found::Nothing));
    }
}
