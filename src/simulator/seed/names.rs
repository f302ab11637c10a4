//! People and places, by country.

/// A country that people work in.
pub(super) struct Locale {
    pub country: &'static str,
    pub code: &'static str,
    pub language: &'static str,
    pub phone: &'static str,
    /// City, state or region, street.
    pub offices: &'static [(&'static str, &'static str, &'static str)],
    /// Whether the surname comes first in a display name, without a space.
    pub surname_first: bool,
    /// Name, and its letters in ASCII.
    pub given: &'static [(&'static str, &'static str)],
    /// Name, and its letters in ASCII.
    pub surnames: &'static [(&'static str, &'static str)],
}

/// A name whose ASCII form is itself.
const fn same(name: &'static str) -> (&'static str, &'static str) {
    (name, name)
}

#[rustfmt::skip]
pub(super) const LOCALES: &[Locale] = &[
    Locale {
        country: "United States",
        code: "US",
        language: "en-US",
        phone: "+1 425 555",
        offices: &[("Redmond", "WA", "205 108th Ave NE"), ("Austin", "TX", "500 W 2nd St")],
        surname_first: false,
        given: &[
            same("Adele"), same("Grady"), same("Isaiah"), same("Megan"), same("Nestor"), same("Patti"),
            same("Raul"), same("Tamara"), same("Avery"), same("Jordan"), same("Miriam"), same("Lynne"),
        ],
        surnames: &[
            same("Vance"), same("Archie"), same("Langer"), same("Bowen"), same("Wilke"), same("Fernandez"),
            same("Razo"), same("Robbins"), same("Howard"), same("Graham"), same("Okafor"), same("Whitfield"),
        ],
    },
    Locale {
        country: "Ireland",
        code: "IE",
        language: "en-IE",
        phone: "+353 1 555",
        offices: &[("Dublin", "Leinster", "1 Grand Canal Square"), ("Cork", "Munster", "4 Lapps Quay")],
        surname_first: false,
        given: &[
            same("Conor"), ("Siobhán", "Siobhan"), ("Pádraig", "Padraig"), same("Aoife"), ("Seán", "Sean"),
            same("Niamh"), ("Róisín", "Roisin"), same("Declan"),
        ],
        surnames: &[
            ("O'Brien", "O'Brien"), ("O'Sullivan", "O'Sullivan"), same("Byrne"), same("Kelly"),
            ("Ní Dhomhnaill", "NiDhomhnaill"), same("McCarthy"), same("Gallagher"),
        ],
    },
    Locale {
        country: "Czechia",
        code: "CZ",
        language: "cs-CZ",
        phone: "+420 255 55",
        offices: &[("Praha", "Praha", "Vyskočilova 1561/4a"), ("Brno", "Jihomoravský kraj", "Holandská 8")],
        surname_first: false,
        given: &[
            ("Žofie", "Zofie"), ("Jiří", "Jiri"), ("Tomáš", "Tomas"), ("Kateřina", "Katerina"),
            ("Ondřej", "Ondrej"), ("Šárka", "Sarka"), ("Zdeněk", "Zdenek"),
        ],
        surnames: &[
            ("Nováková", "Novakova"), ("Dvořák", "Dvorak"), ("Černý", "Cerny"), ("Procházková", "Prochazkova"),
            ("Kučera", "Kucera"), ("Veselý", "Vesely"), ("Růžička", "Ruzicka"),
        ],
    },
    Locale {
        country: "Japan",
        code: "JP",
        language: "ja-JP",
        phone: "+81 3 5555",
        offices: &[("東京", "東京都", "港区港南 2-16-3"), ("大阪", "大阪府", "北区梅田 3-1-3")],
        surname_first: true,
        given: &[
            ("太郎", "Taro"), ("花子", "Hanako"), ("健一", "Kenichi"), ("美咲", "Misaki"), ("陽菜", "Hina"),
            ("蓮", "Ren"), ("さくら", "Sakura"),
        ],
        surnames: &[
            ("日本", "Nihon"), ("佐藤", "Sato"), ("鈴木", "Suzuki"), ("高橋", "Takahashi"), ("田中", "Tanaka"),
            ("渡辺", "Watanabe"), ("伊藤", "Ito"),
        ],
    },
    Locale {
        country: "Germany",
        code: "DE",
        language: "de-DE",
        phone: "+49 89 555",
        offices: &[("München", "Bayern", "Walter-Gropius-Straße 5"), ("Köln", "Nordrhein-Westfalen", "Holzmarkt 2a")],
        surname_first: false,
        given: &[
            ("Jürgen", "Juergen"), ("Käthe", "Kaethe"), same("Lukas"), same("Anneliese"), ("Sören", "Soeren"),
            same("Hannah"), same("Matthias"), same("Ulrike"),
        ],
        surnames: &[
            ("Müller", "Mueller"), ("Weiß", "Weiss"), same("Schmidt"), ("Schäfer", "Schaefer"),
            ("von der Heide", "vonderHeide"), ("Großmann", "Grossmann"), same("Becker"), ("Köhler", "Koehler"),
        ],
    },
    Locale {
        country: "Brazil",
        code: "BR",
        language: "pt-BR",
        phone: "+55 11 5555",
        offices: &[("São Paulo", "SP", "Av. Presidente Juscelino Kubitschek 1909")],
        surname_first: false,
        given: &[
            ("João", "Joao"), ("Conceição", "Conceicao"), same("Beatriz"), same("Thiago"), ("Inês", "Ines"),
            ("Antônio", "Antonio"), same("Larissa"),
        ],
        surnames: &[
            ("Gonçalves", "Goncalves"), same("Silva"), ("Conceição", "Conceicao"), same("Oliveira"),
            ("dos Santos", "dosSantos"), ("Araújo", "Araujo"),
        ],
    },
    Locale {
        country: "India",
        code: "IN",
        language: "en-IN",
        phone: "+91 80 5555",
        offices: &[("Hyderabad", "Telangana", "Gachibowli"), ("Bengaluru", "Karnataka", "Prestige Ferns Galaxy")],
        surname_first: false,
        given: &[
            same("Aarav"), same("Priya"), same("Lakshmi"), same("Rahul"), same("Ananya"), same("Vikram"),
            same("Deepa"), same("Sanjay"),
        ],
        surnames: &[
            same("Sharma"), same("Iyer"), same("Patel"), same("Reddy"), same("Banerjee"), same("Nair"),
            same("Krishnamurthy"),
        ],
    },
    Locale {
        country: "Sweden",
        code: "SE",
        language: "sv-SE",
        phone: "+46 8 555",
        offices: &[("Stockholm", "Stockholms län", "Regeringsgatan 25")],
        surname_first: false,
        given: &[
            ("Åsa", "Asa"), ("Björn", "Bjorn"), same("Linnea"), ("Göran", "Goran"), ("Märta", "Marta"),
            same("Elsa"), ("Håkan", "Hakan"),
        ],
        surnames: &[
            ("Ångström", "Angstrom"), ("Öberg", "Oberg"), same("Lindqvist"), ("Sjöström", "Sjostrom"),
            same("Johansson"), ("Bergström", "Bergstrom"),
        ],
    },
    Locale {
        country: "Poland",
        code: "PL",
        language: "pl-PL",
        phone: "+48 22 555",
        offices: &[("Warszawa", "Mazowieckie", "Rondo ONZ 1"), ("Łódź", "Łódzkie", "Piotrkowska 157")],
        surname_first: false,
        given: &[
            ("Łukasz", "Lukasz"), ("Małgorzata", "Malgorzata"), ("Paweł", "Pawel"), same("Zofia"),
            ("Żaneta", "Zaneta"), ("Michał", "Michal"),
        ],
        surnames: &[
            ("Wójcik", "Wojcik"), ("Kowalczyk", "Kowalczyk"), ("Błaszczykowska", "Blaszczykowska"),
            ("Żuraw", "Zuraw"), same("Mazur"), ("Dąbrowski", "Dabrowski"),
        ],
    },
    Locale {
        country: "Türkiye",
        code: "TR",
        language: "tr-TR",
        phone: "+90 212 555",
        offices: &[("İstanbul", "İstanbul", "Levazım Mah. Koru Sok. 2")],
        surname_first: false,
        given: &[
            ("İlker", "Ilker"), ("Gülşen", "Gulsen"), ("Çağla", "Cagla"), ("Oğuz", "Oguz"), same("Elif"),
        ],
        surnames: &[
            ("Yılmaz", "Yilmaz"), ("Şahin", "Sahin"), ("Çelik", "Celik"), ("Öztürk", "Ozturk"), same("Demir"),
        ],
    },
    Locale {
        country: "Saudi Arabia",
        code: "SA",
        language: "ar-SA",
        phone: "+966 11 555",
        offices: &[("الرياض", "الرياض", "طريق الملك فهد")],
        surname_first: false,
        given: &[("محمد", "Mohammed"), ("فاطمة", "Fatimah"), ("خالد", "Khalid"), ("نورة", "Noura")],
        surnames: &[("العتيبي", "AlOtaibi"), ("القحطاني", "AlQahtani"), ("الحربي", "AlHarbi"), ("الشمري", "AlShammari")],
    },
    Locale {
        country: "France",
        code: "FR",
        language: "fr-FR",
        phone: "+33 1 55 55",
        offices: &[("Issy-les-Moulineaux", "Île-de-France", "39 quai du Président Roosevelt")],
        surname_first: false,
        given: &[
            ("Éloïse", "Eloise"), ("François", "Francois"), ("Maëlle", "Maelle"), ("Jean-Noël", "Jean-Noel"),
            ("Zoé", "Zoe"), ("Benoît", "Benoit"), same("Camille"),
        ],
        surnames: &[
            ("Lefèvre", "Lefevre"), ("D'Aubigné", "D'Aubigne"), same("Moreau"), ("Bœuf", "Boeuf"),
            ("Garçon", "Garcon"), same("Rousseau"), ("L'Hôpital", "L'Hopital"),
        ],
    },
];

/// Department, division, job titles from the top down.
#[rustfmt::skip]
pub(super) const DEPARTMENTS: &[(&str, &str, &[&str])] = &[
    ("Engineering", "Product", &["Engineering Manager", "Principal Engineer", "Software Engineer", "Test Engineer"]),
    ("Sales & Marketing", "Go to Market", &["Sales Director", "Account Executive", "Marketing Specialist"]),
    ("Finance", "Corporate", &["Controller", "Financial Analyst", "Accountant"]),
    ("Human Resources", "Corporate", &["HR Manager", "HR Business Partner", "Recruiter"]),
    ("Legal", "Corporate", &["General Counsel", "Corporate Counsel", "Paralegal"]),
    ("IT", "Operations", &["IT Manager", "Systems Engineer", "Service Desk Analyst"]),
    ("Operations", "Operations", &["Plant Manager", "Logistics Coordinator", "Field Technician"]),
    ("R&D", "Product", &["Research Director", "Researcher", "Lab Technician"]),
    ("Customer Support", "Go to Market", &["Support Manager", "Support Engineer", "Support Agent"]),
    ("Qualität", "Operations", &["Leiter Qualität", "Prüfer"]),
];

/// Where guests come from.
pub(super) const PARTNERS: &[&str] = &[
    "fabrikam.com",
    "northwindtraders.com",
    "adatum.com",
    "gmail.com",
];

/// Words that make up a group's name.
pub(super) const TOPICS: &[&str] = &[
    "Alpine",
    "Breakwater",
    "Cobalt",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Meridian",
    "Nimbus",
    "Obsidian",
    "Prairie",
    "Quartz",
    "Ridge",
    "Summit",
    "Tundra",
];
/// The second words of a group's name.
pub(super) const PURPOSES: &[&str] = &[
    "Project",
    "Readers",
    "Contributors",
    "Approvers",
    "Launch",
    "Site Visitors",
    "Reviewers",
    "Rollout",
    "On-call",
    "Budget",
];
