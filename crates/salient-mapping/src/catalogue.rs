//! Products seen in the lines, and what they are called.

use salient_proto::recommendation::v1::{Product, UpsertProductsRequest};

use super::batch::request_id;
use super::keys::Keys;
use super::mapping::spec::Choose;

/// Products of one request, at most.
const MOST: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) keys: Keys,
    entries: Vec<Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Names with their counts, in the order in which they first came; few per product.
    names: Vec<(Box<[u8]>, u32)>,
    category: String,
    blocked: bool,
    purchased: bool,
    returned: bool,
}

impl Catalogue {
    /// The number of a product.
    pub(crate) fn number(&mut self, code: &[u8]) -> u32 {
        let (number, new) = self.keys.number(code);
        if new {
            self.entries.push(Entry::default());
        }
        number
    }

    /// Notes a name that a line gives the product.
    pub(crate) fn name(&mut self, product: u32, name: &[u8], choose: Choose) {
        if name.is_empty() {
            return;
        }
        let names = &mut self.entries[product as usize].names;
        match choose {
            Choose::First if !names.is_empty() => {}
            Choose::Last => {
                names.clear();
                names.push((name.into(), 1));
            }
            Choose::First | Choose::MostFrequent => {
                match names.iter_mut().find(|(known, _)| **known == *name) {
                    Some((_, count)) => *count += 1,
                    None => names.push((name.into(), 1)),
                }
            }
        }
    }

    /// Notes what else a line says of the product.
    pub(crate) fn describe(&mut self, product: u32, category: Option<&str>, blocked: bool) {
        let entry = &mut self.entries[product as usize];
        if let Some(category) = category.filter(|category| *category != entry.category) {
            category.clone_into(&mut entry.category);
        }
        entry.blocked |= blocked;
    }

    /// Notes an order; true when it is the product's first of its kind.
    pub(crate) fn ordered(&mut self, product: u32, is_return: bool) -> bool {
        let entry = &mut self.entries[product as usize];
        let flag = if is_return { &mut entry.returned } else { &mut entry.purchased };
        !std::mem::replace(flag, true)
    }

    /// The resource names of all products, by number.
    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.entries.len()).map(|number| format!("products/{}", self.keys.text(number as u32))).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All products, by code.
    pub(crate) fn requests(&self, source: &str) -> Vec<UpsertProductsRequest> {
        let mut products: Vec<Product> = (0..self.entries.len())
            .map(|number| {
                let entry = &self.entries[number];
                let code = self.keys.text(number as u32);
                // of equally frequent names the first one
                let name = entry.names.iter().rev().max_by_key(|(_, count)| *count);
                Product {
                    display_name: name
                        .map_or_else(|| code.clone(), |(name, _)| String::from_utf8_lossy(name).into_owned()),
                    name: format!("products/{code}"),
                    category: entry.category.clone(),
                    blocked: entry.blocked,
                }
            })
            .collect();
        products.sort_by(|a, b| a.name.cmp(&b.name));
        product_requests(source, products)
    }
}

/// Requests of at most 1,000 products.
pub fn product_requests(source: &str, products: Vec<Product>) -> Vec<UpsertProductsRequest> {
    let chunks = products.chunks(MOST).enumerate();
    chunks
        .map(|(number, products)| {
            let mut request =
                UpsertProductsRequest { products: products.to_vec(), ..UpsertProductsRequest::default() };
            request.request_id = request_id(source, number as u64, &request);
            request
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(choose: Choose, names: &[&str]) -> String {
        let mut catalogue = Catalogue::default();
        let product = catalogue.number(b"A");
        for name in names {
            catalogue.name(product, name.as_bytes(), choose);
        }
        catalogue.requests("test")[0].products[0].display_name.clone()
    }

    #[test]
    fn a_product_is_called_by_the_chosen_name() {
        let names = ["MUG", "Mug, red", "", "Mug, red", "mug?"];
        assert_eq!(shown(Choose::MostFrequent, &names), "Mug, red");
        assert_eq!(shown(Choose::First, &names), "MUG");
        assert_eq!(shown(Choose::Last, &names), "mug?");
        assert_eq!(shown(Choose::MostFrequent, &["b", "a"]), "b");
        assert_eq!(shown(Choose::MostFrequent, &[]), "A");
    }

    #[test]
    fn requests_hold_a_thousand_products_each() {
        let mut catalogue = Catalogue::default();
        for number in 0..2_500 {
            catalogue.number(format!("{number:05}").as_bytes());
        }
        let requests = catalogue.requests("test");
        assert_eq!(requests.iter().map(|r| r.products.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        assert!(requests.iter().flat_map(|r| &r.products).is_sorted_by_key(|p| &p.name));
        assert_eq!(requests[0].request_id, catalogue.requests("test")[0].request_id);
        assert_ne!(requests[0].request_id, requests[1].request_id);
    }
}
