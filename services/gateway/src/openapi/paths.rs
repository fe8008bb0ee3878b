//! Paths as OpenAPI writes them: `/v1/accounts/{account}` for `/v1/{name=accounts/*}`.

use prost_reflect::{DescriptorPool, Value};

use crate::contract::{Part, Route, Template, field_at};

/// A variable of a path.
#[derive(Debug)]
pub struct Variable {
    /// Its name in the path.
    pub name: String,
    /// The field of the request that it belongs to; `None` for the name of a service.
    pub field: Option<String>,
    /// The resource name that it is a part of, for example `accounts/{account}`; `None` when it
    /// is the whole field.
    pub within: Option<String>,
    /// What its text must match, where the contract says.
    pub pattern: Option<String>,
}

/// The path of a route and its variables.
#[derive(Debug)]
pub struct Readable {
    /// The path.
    pub path: String,
    /// Its variables, in order.
    pub variables: Vec<Variable>,
}

/// The names that resources are known by, from `google.api.resource`.
#[derive(Debug)]
pub struct Resources(Vec<Vec<String>>);

impl Resources {
    /// Reads the patterns of all resources.
    pub fn new(pool: &DescriptorPool) -> Self {
        let Some(option) = pool.get_extension_by_name("google.api.resource") else { return Self(Vec::new()) };
        let mut patterns = Vec::new();
        for message in pool.all_messages() {
            let options = message.options();
            let resource = options.get_extension(&option);
            let list = resource.as_message().and_then(|resource| resource.get_field_by_name("pattern"));
            for pattern in list.iter().filter_map(|list| list.as_list()).flatten().filter_map(Value::as_str) {
                patterns.push(pattern.split('/').map(str::to_owned).collect());
            }
        }
        Self(patterns)
    }

    /// The variable names of a pattern with these literals, `None` standing for a wildcard.
    fn names(&self, shape: &[Option<&str>]) -> Option<&[String]> {
        self.0.iter().map(Vec::as_slice).find(|pattern| {
            pattern.len() == shape.len()
                && pattern.iter().zip(shape).all(|(part, literal)| match literal {
                    Some(literal) => part == literal,
                    None => part.starts_with('{'),
                })
        })
    }
}

/// Writes the path of a route with the resources' own names.
pub fn readable(route: &Route, resources: &Resources) -> Readable {
    let Template { parts, bindings, verb } = &route.template;
    let mut path = String::new();
    let mut variables = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        path.push('/');
        let binding = bindings.iter().find(|binding| binding.parts.contains(&index));
        match (part, binding) {
            (Part::Literal(text), _) => path.push_str(text),
            (Part::Upstream, _) => {
                path.push_str("{service}");
                variables.push(Variable { name: "service".into(), field: None, within: None, pattern: None });
            }
            (Part::Single | Part::Rest, None) => path.push('*'),
            (Part::Single | Part::Rest, Some(binding)) => {
                let bound = &parts[binding.parts.clone()];
                let variable = if bound.len() == 1 {
                    let name = binding.field.replace('.', "_");
                    Variable { name, field: Some(binding.field.clone()), within: None, pattern: None }
                } else {
                    part_of(route, &binding.field, bound, index - binding.parts.start, resources)
                };
                path.push_str(&format!("{{{}}}", variable.name));
                variables.push(variable);
            }
        }
    }
    if let Some(verb) = verb {
        path.push(':');
        path.push_str(verb);
    }
    Readable { path, variables }
}

fn part_of(route: &Route, field: &str, bound: &[Part], at: usize, resources: &Resources) -> Variable {
    let shape: Vec<Option<&str>> = bound
        .iter()
        .map(|part| if let Part::Literal(text) = part { Some(text.as_str()) } else { None })
        .collect();
    let known = resources.names(&shape);
    let name = known
        .and_then(|pattern| pattern.get(at))
        .map(|name| name.trim_matches(['{', '}']).to_owned())
        .or_else(|| Some(singular(shape.get(at.checked_sub(1)?).copied().flatten()?)))
        .unwrap_or_else(|| format!("{field}{at}"));
    let within = known.map(|pattern| pattern.join("/"));
    Variable {
        name,
        field: Some(field.to_owned()),
        within,
        pattern: pattern_part(route, field, bound.len(), at),
    }
}

fn singular(plural: &str) -> String {
    match plural.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => plural.strip_suffix('s').unwrap_or(plural).to_owned(),
    }
}

/// The part of a field's pattern that belongs to one segment.
fn pattern_part(route: &Route, field: &str, count: usize, at: usize) -> Option<String> {
    let field = field_at(&route.rpc.input(), field)?;
    let mut schema = serde_json::Map::new();
    super::rules::Rules::of(&field).apply("string", &mut schema);
    let whole = schema.get("pattern")?.as_str()?.strip_prefix('^')?.strip_suffix('$')?;
    let mut pieces = vec![String::new()];
    let mut depth = 0_i32;
    for letter in whole.chars() {
        match letter {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            _ => {}
        }
        if letter == '/' && depth == 0 {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    (pieces.len() == count).then(|| format!("^{}$", pieces[at]))
}
