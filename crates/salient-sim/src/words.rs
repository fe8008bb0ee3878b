//! Words that names are made of.

pub(crate) struct CategoryWords {
    pub(crate) name: &'static str,
    pub(crate) nouns: [&'static str; 10],
    /// Mean days that a purchase lasts an average account.
    pub(crate) lasts: f64,
    /// Median price in minor units.
    pub(crate) price: f64,
    /// How far demand swings over the year, as a share of its mean.
    pub(crate) swing: f64,
    /// Month (from 0) in which demand is highest.
    pub(crate) peak: f64,
}

pub(crate) const CATEGORIES: [CategoryWords; 8] = [
    CategoryWords {
        name: "Fasteners",
        nouns: [
            "Hex bolts",
            "Wood screws",
            "Anchors",
            "Lock nuts",
            "Washers",
            "Rivets",
            "Threaded rods",
            "Cable ties",
            "Brackets",
            "Hose clamps",
        ],
        lasts: 52.0,
        price: 1_450.0,
        swing: 0.15,
        peak: 4.0,
    },
    CategoryWords {
        name: "Cutting tools",
        nouns: [
            "Drill bits",
            "Saw blades",
            "End mills",
            "Cutting discs",
            "Taps",
            "Reamers",
            "Hole saws",
            "Step drills",
            "Files",
            "Scraper blades",
        ],
        lasts: 85.0,
        price: 4_900.0,
        swing: 0.10,
        peak: 2.0,
    },
    CategoryWords {
        name: "Adhesives and sealants",
        nouns: [
            "Epoxy",
            "Silicone",
            "Thread locker",
            "Contact adhesive",
            "Mounting tape",
            "Joint filler",
            "Activator",
            "Primer",
            "Foam",
            "Hot glue",
        ],
        lasts: 60.0,
        price: 1_900.0,
        swing: 0.30,
        peak: 5.0,
    },
    CategoryWords {
        name: "Safety wear",
        nouns: [
            "Nitrile gloves",
            "Safety glasses",
            "Ear plugs",
            "Dust masks",
            "Helmets",
            "High-visibility vests",
            "Knee pads",
            "Safety shoes",
            "Coveralls",
            "Rain jackets",
        ],
        lasts: 46.0,
        price: 2_600.0,
        swing: 0.20,
        peak: 9.0,
    },
    CategoryWords {
        name: "Cleaning",
        nouns: [
            "Degreaser",
            "Wipes",
            "Hand cleaner",
            "Floor cleaner",
            "Absorbent granules",
            "Brushes",
            "Waste sacks",
            "Paper rolls",
            "Glass cleaner",
            "Descaler",
        ],
        lasts: 40.0,
        price: 1_200.0,
        swing: 0.08,
        peak: 3.0,
    },
    CategoryWords {
        name: "Packaging",
        nouns: [
            "Cartons",
            "Stretch film",
            "Packing tape",
            "Bubble wrap",
            "Strapping",
            "Labels",
            "Mailing bags",
            "Edge protectors",
            "Void fill",
            "Pallet covers",
        ],
        lasts: 36.0,
        price: 2_100.0,
        swing: 0.35,
        peak: 10.0,
    },
    CategoryWords {
        name: "Lighting",
        nouns: [
            "LED tubes",
            "Work lights",
            "Floodlights",
            "Head torches",
            "Emergency luminaires",
            "Panels",
            "Lamps",
            "Light strips",
            "Sensors",
            "Dimmers",
        ],
        lasts: 125.0,
        price: 5_600.0,
        swing: 0.40,
        peak: 10.5,
    },
    CategoryWords {
        name: "Measuring",
        nouns: [
            "Calipers",
            "Laser levels",
            "Tape measures",
            "Thermometers",
            "Multimeters",
            "Gauges",
            "Torque wrenches",
            "Spirit levels",
            "Moisture meters",
            "Scales",
        ],
        lasts: 170.0,
        price: 9_800.0,
        swing: 0.05,
        peak: 1.0,
    },
];

pub(crate) const VARIANTS: [&str; 8] =
    ["standard", "heavy duty", "compact", "premium", "bulk pack", "economy", "stainless", "long life"];

pub(crate) const COMPANY_FIRST: [&str; 40] = [
    "Alder", "Amber", "Anchor", "Aspen", "Beacon", "Birch", "Bramley", "Bridge", "Brook", "Canal", "Castle",
    "Cedar", "Cliff", "Copper", "Crown", "Dale", "Delta", "Eagle", "Elm", "Falcon", "Forge", "Granite",
    "Harbour", "Hazel", "Heron", "Iron", "Juniper", "Kestrel", "Lark", "Linden", "Maple", "Mill", "North",
    "Orchard", "Pine", "Quarry", "River", "Stone", "Summit", "Willow",
];

pub(crate) const COMPANY_SECOND: [&str; 40] = [
    "bank", "bay", "beck", "borough", "bury", "by", "combe", "cross", "dale", "den", "field", "ford", "gate",
    "grove", "ham", "haven", "hill", "holm", "hurst", "land", "lea", "ley", "lock", "mere", "mouth", "point",
    "port", "ridge", "shaw", "side", "stead", "stoke", "thorpe", "ton", "vale", "wall", "water", "wick",
    "wood", "worth",
];

pub(crate) const FIRST_NAMES: [&str; 48] = [
    "Aisha", "Alan", "Amara", "Anders", "Anja", "Bea", "Carlos", "Chen", "Clara", "Daniel", "Dina", "Elena",
    "Emil", "Farah", "Felix", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jana", "Jonas", "Karim", "Katrin",
    "Lars", "Leila", "Lucas", "Maja", "Marco", "Maria", "Mei", "Milan", "Nadia", "Noah", "Olga", "Omar",
    "Paula", "Priya", "Rosa", "Ruben", "Sara", "Sofia", "Stefan", "Tara", "Theo", "Vera", "Wei", "Yusuf",
];

pub(crate) const LAST_NAMES: [&str; 48] = [
    "Abbas", "Adler", "Almeida", "Bauer", "Becker", "Berg", "Brandt", "Castro", "Clarke", "Costa", "Dahl",
    "Diaz", "Dubois", "Eriksen", "Fischer", "Fontana", "Garcia", "Haddad", "Hansen", "Huber", "Ito",
    "Jansen", "Keller", "Khan", "Kowalski", "Larsen", "Lee", "Lopez", "Marino", "Meyer", "Moreau",
    "Nakamura", "Novak", "Okafor", "Olsen", "Patel", "Pereira", "Rossi", "Schmidt", "Silva", "Singh",
    "Sorensen", "Tanaka", "Varga", "Vogel", "Walsh", "Weber", "Young",
];

pub(crate) const TITLES: [&str; 8] = [
    "Head of purchasing",
    "Buyer",
    "Plant manager",
    "Maintenance lead",
    "Workshop manager",
    "Operations director",
    "Store keeper",
    "Managing director",
];

/// Country, IANA time zone and its standard offset from UTC in hours. The offsets keep office
/// hours on the same UTC day.
pub(crate) const PLACES: [(&str, &str, i32); 10] = [
    ("United Kingdom", "Europe/London", 0),
    ("Germany", "Europe/Berlin", 1),
    ("France", "Europe/Paris", 1),
    ("Netherlands", "Europe/Amsterdam", 1),
    ("Italy", "Europe/Rome", 1),
    ("Poland", "Europe/Warsaw", 1),
    ("Finland", "Europe/Helsinki", 2),
    ("United States", "America/New_York", -5),
    ("Canada", "America/Toronto", -5),
    ("Singapore", "Asia/Singapore", 8),
];

/// Share of accounts per place.
pub(crate) const PLACE_WEIGHTS: [f64; 10] = [24.0, 26.0, 12.0, 9.0, 7.0, 6.0, 4.0, 6.0, 3.0, 3.0];

pub(crate) const INDUSTRY_SUFFIX: [&str; 12] = [
    "Works",
    "Engineering",
    "Services",
    "Supply",
    "Industries",
    "Workshops",
    "Trading",
    "Group",
    "Systems",
    "Technical",
    "Partners",
    "Manufacturing",
];

/// Legal form per place, in the order of `PLACES`.
pub(crate) const LEGAL_FORMS: [&str; 10] =
    ["Ltd", "GmbH", "SARL", "BV", "Srl", "Sp. z o.o.", "Oy", "Inc.", "Inc.", "Pte. Ltd."];
