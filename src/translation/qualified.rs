//! Names as clients have them (`alex`) for names as Entra ID has them (`msp-alex@contoso.com`).

/// What a name gets, and loses again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Qualified {
    /// Stands in front.
    pub prefix: String,
    /// Stands behind an `@`.
    pub domain: String,
}

impl Qualified {
    /// The parts of a user principal name.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(prefix: &str, domain: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~".contains(c);
        if let Some(wrong) = prefix.chars().find(|c| !fits(*c)) {
            return Err(format!("a user name cannot have '{wrong}' in its prefix"));
        }
        let label = |label: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !label.is_empty() && label.chars().all(inner)
        };
        if !domain.contains('.') || !domain.split('.').all(label) {
            return Err(format!("'{domain}' is no domain such as contoso.com"));
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            domain: domain.to_owned(),
        })
    }

    /// The client's name; a name of another form is shown whole, and told by its `@`.
    pub fn read<'a>(&self, name: &'a str) -> &'a str {
        let Some((local, domain)) = name.rsplit_once('@') else {
            return name;
        };
        let start = local.get(..self.prefix.len());
        let has_prefix = start.is_some_and(|start| start.eq_ignore_ascii_case(&self.prefix));
        let rest = local.get(self.prefix.len()..).unwrap_or_default();
        let is_ours = has_prefix && domain.eq_ignore_ascii_case(&self.domain);
        if is_ours && !rest.is_empty() && !rest.contains('@') {
            rest
        } else {
            name
        }
    }

    /// Entra ID's name.
    pub fn write(&self, name: &str) -> String {
        if name.contains('@') {
            name.to_owned()
        } else {
            format!("{}{name}@{}", self.prefix, self.domain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let names = Qualified::new("msp-", "contoso.com").unwrap();
        for (client, entra) in [
            ("alex", "msp-alex@contoso.com"),
            ("msp-alex", "msp-msp-alex@contoso.com"),
            ("alex@contoso.com", "alex@contoso.com"),
            ("msp-alex@fabrikam.com", "msp-alex@fabrikam.com"),
            ("msp-@contoso.com", "msp-@contoso.com"),
        ] {
            assert_eq!(names.write(client), entra);
            assert_eq!(names.read(entra), client);
        }
        assert_eq!(names.read("MSP-Alex@CONTOSO.COM"), "Alex");
        assert_eq!(names.read("é@contoso.com"), "é@contoso.com");
        let plain = Qualified::new("", "contoso.com").unwrap();
        assert_eq!(plain.read("alex@contoso.com"), "alex");
        for (prefix, domain) in [
            ("a@", "b.c"),
            ("a b", "b.c"),
            ("", "b"),
            ("", ""),
            ("", "b..c"),
        ] {
            assert!(Qualified::new(prefix, domain).is_err(), "{prefix} {domain}");
        }
    }
}
