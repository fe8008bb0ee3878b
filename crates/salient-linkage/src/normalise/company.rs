//! Names of companies, with the legal form apart.

use super::fold;

/// Legal forms after folding, dots of abbreviations removed: of Europe, the Americas, Asia, Africa
/// and Oceania, after the list of ISO 20275 (Entity Legal Forms) shortened to what stands in names.
const FORMS: &[&str] = &[
    // German
    "gmbh co kg",
    "gmbh co ohg",
    "gmbh cie kg",
    "ag co kg",
    "ag co kgaa",
    "se co kg",
    "ug co kg",
    "ug haftungsbeschrankt",
    "gesellschaft mit beschrankter haftung",
    "aktiengesellschaft",
    "ggmbh",
    "gmbh",
    "mbh",
    "ag",
    "kg",
    "kgaa",
    "ohg",
    "gbr",
    "ug",
    "ek",
    "ev",
    "eg",
    "gesmbh",
    "og",
    // English
    "incorporated",
    "inc",
    "corporation",
    "corp",
    "company",
    "co",
    "llc",
    "llp",
    "lllp",
    "lp",
    "plc",
    "pllc",
    "limited",
    "ltd",
    "co ltd",
    "co inc",
    "company limited",
    "pty ltd",
    "pty limited",
    "proprietary limited",
    "pty",
    "pvt ltd",
    "pvt limited",
    "private limited",
    "public limited company",
    "pte ltd",
    "pte",
    "sdn bhd",
    "bhd",
    "unlimited",
    "cic",
    "na",
    // French, Spanish, Portuguese, Italian, Romanian
    "sa",
    "sas",
    "sasu",
    "sarl",
    "eurl",
    "snc",
    "sci",
    "scop",
    "gie",
    "selarl",
    "sprl",
    "bvba",
    "asbl",
    "sl",
    "slu",
    "slp",
    "sau",
    "sll",
    "sociedad anonima",
    "sociedad limitada",
    "societe anonyme",
    "sa de cv",
    "s de rl de cv",
    "sapi de cv",
    "sab de cv",
    "lda",
    "ltda",
    "limitada",
    "eireli",
    "sgps",
    "spa",
    "srl",
    "srls",
    "sapa",
    "sas di",
    "ei",
    "cia",
    "cie",
    "et cie",
    "pfa",
    // Dutch, Nordic, Baltic
    "bv",
    "nv",
    "vof",
    "cv",
    "cvba",
    "ab",
    "hb",
    "as",
    "asa",
    "ans",
    "ba",
    "aps",
    "ivs",
    "oy",
    "oyj",
    "ab oy",
    "ky",
    "ehf",
    "hf",
    "uab",
    "sia",
    "ou",
    "aktiebolag",
    "osakeyhtio",
    // Central and Eastern Europe, Turkey, Greece
    "sp z oo",
    "spolka z oo",
    "sp j",
    "sp k",
    "spolka akcyjna",
    "sro",
    "spol sro",
    "doo",
    "dd",
    "dno",
    "kft",
    "zrt",
    "nyrt",
    "bt",
    "rt",
    "ood",
    "eood",
    "ad",
    "ead",
    "ooo",
    "oao",
    "zao",
    "pao",
    "tov",
    "jsc",
    "ojsc",
    "pjsc",
    "cjsc",
    "ооо",
    "оао",
    "зао",
    "пао",
    "ао",
    "тов",
    "ltd sti",
    "as ve ticaret",
    "anonim sirketi",
    "limited sirketi",
    "sti",
    "ae",
    "epe",
    "ike",
    // Asia, Middle East
    "kk",
    "kabushiki kaisha",
    "gk",
    "yk",
    "pt",
    "tbk",
    "fzco",
    "fze",
    "fz llc",
    "wll",
    "saoc",
    "saog",
    "psc",
    "joint stock company",
];

/// Legal forms written without a space.
const ATTACHED: &[&str] =
    &["股份有限公司", "有限责任公司", "有限公司", "株式会社", "有限会社", "合同会社", "주식회사", "유한회사"];

/// A company's name in two pieces, both folded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompanyName {
    /// The name without its legal form; empty only if the text has no letters or digits.
    pub core: String,
    /// The legal form or forms, in the order in which they stood; empty if there is none.
    pub legal_form: String,
}

/// Words with abbreviations closed up: `S.p.A.` is `spa`, `amazon.com` is two words, `&` and `the`
/// are dropped.
fn words(text: &str) -> Vec<String> {
    let folded = fold(text).replace(['\'', '’', '`'], "").replace("a/s", "as").replace("s/a", "sa");
    let mut out = Vec::new();
    for chunk in folded.split(|c: char| c.is_whitespace() || ",;()[]\"".contains(c)) {
        let parts: Vec<&str> =
            chunk.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
        if parts.len() > 1 && chunk.contains('.') && parts.iter().all(|part| part.chars().count() == 1) {
            out.push(parts.concat());
        } else {
            out.extend(parts.into_iter().map(str::to_owned));
        }
    }
    out.retain(|word| !matches!(word.as_str(), "and" | "und" | "et" | "the" | "y" | "e"));
    out
}

/// Splits a company's name into its core and its legal form. `"Müller & Söhne GmbH & Co. KG"` is
/// `muller sohne` and `gmbh co kg`. At least one word stays in the core.
#[must_use]
pub fn company_name(text: &str) -> CompanyName {
    let mut text = text.to_owned();
    let mut forms: Vec<String> = Vec::new();
    for form in ATTACHED {
        if text.contains(form) && text.trim() != *form {
            text = text.replacen(form, " ", 1);
            forms.push((*form).to_owned());
        }
    }
    let mut words = words(&text);
    // The longest form at the end, again and again: "Ltd. Co." and "Holding AG" alike.
    while let Some(n) = (1..words.len())
        .rev()
        .find(|&n| n <= 5 && FORMS.contains(&words[words.len() - n..].join(" ").as_str()))
    {
        forms.insert(0, words.split_off(words.len() - n).join(" "));
    }
    // In some countries the form comes first; two-letter words there may be the name itself.
    if words.len() > 1
        && matches!(
            words[0].as_str(),
            "pt" | "uab" | "sia" | "ooo" | "oao" | "zao" | "ооо" | "зао" | "оао" | "тов"
        )
    {
        forms.insert(0, words.remove(0));
    }
    CompanyName { core: words.join(" "), legal_form: forms.join(" ") }
}
