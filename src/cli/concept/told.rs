//! What somebody says of a sample, as it is written on the command line.

use super::place;
use crate::concept::{Group, Told};
use anyhow::{Context, Result, bail, ensure};
use narrows_probes::Names;

/// Options that tell something of a sample.
#[derive(Debug, Clone, Default, clap::Args, serde::Serialize)]
pub(super) struct TellArgs {
    /// A concept that is known, as NAME=present or NAME=absent; give it several times
    #[arg(long = "set", value_name = "CONCEPT=VALUE", requires = "sample")]
    pub(super) set: Vec<String>,
    /// The value of a group: this concept of it is present, the others are absent; give it several times
    #[arg(long, value_name = "GROUP=VALUE", requires = "sample")]
    pub(super) set_group: Vec<String>,
    /// The class, for joint models of concepts and class: shows p(concepts | sample, class)
    #[arg(long, value_name = "CLASS", requires = "sample")]
    pub(super) set_class: Option<String>,
}

impl TellArgs {
    /// Whether nothing is told.
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.set_group.is_empty() && self.set_class.is_none()
    }

    /// The same by the numbers of a bottleneck with these names; groups have members by the numbers of the `own`
    /// concepts of the data.
    pub(super) fn read(&self, names: &Names, groups: &[Group], own: &[String]) -> Result<Told> {
        let mut told = Told::default();
        for text in &self.set {
            let (name, value) = text
                .rsplit_once('=')
                .with_context(|| format!("--set {text}: CONCEPT=present or CONCEPT=absent is expected"))?;
            let concept = place("concept", name.trim(), &names.concepts).with_context(|| format!("--set {text}"))?;
            let present = match value.trim() {
                "present" => true,
                "absent" => false,
                other => bail!("--set {text}: '{other}' is neither present nor absent"),
            };
            tell(&mut told, concept, present, names)?;
        }
        for text in &self.set_group {
            for (concept, present) in
                of_group(text, names, groups, own).with_context(|| format!("--set-group {text}"))?
            {
                tell(&mut told, concept, present, names)?;
            }
        }
        if let Some(class) = &self.set_class {
            let class = place("class", class, &names.classes).with_context(|| format!("--set-class {class}"))?;
            told.class = Some(class as u32);
        }
        Ok(told)
    }
}

fn tell(told: &mut Told, concept: usize, present: bool, names: &Names) -> Result<()> {
    let before = told.concepts.insert(concept, present);
    ensure!(
        before.is_none_or(|before| before == present),
        "'{}' is told to be present and to be absent: leave one of the two out",
        names.concepts[concept]
    );
    Ok(())
}

/// The concepts of a group and which of them is present.
fn of_group(text: &str, names: &Names, groups: &[Group], own: &[String]) -> Result<Vec<(usize, bool)>> {
    let (group, value) = text.rsplit_once('=').context("GROUP=VALUE is expected")?;
    let with_company: Vec<&Group> = groups.iter().filter(|g| g.members.len() > 1).collect();
    ensure!(
        !with_company.is_empty(),
        "no group of these data has more than one concept: give --concept-groups FILE, or use --set"
    );
    let group_names: Vec<String> = with_company.iter().map(|g| g.name.clone()).collect();
    let group = with_company[place("group", group.trim(), &group_names)?];
    // Those that the bottleneck kept, each by its whole name and by what the group's name leaves of it.
    let members: Vec<usize> =
        group.members.iter().filter_map(|&m| names.concepts.iter().position(|c| *c == own[m])).collect();
    let whole = |&m: &usize| names.concepts[m].clone();
    let short = |m: &usize| {
        let rest = names.concepts[*m].strip_prefix(&group.name).unwrap_or(&names.concepts[*m]);
        rest.trim_start_matches([':', '_', '-', '=', ' ', '.', '/']).to_owned()
    };
    let value = value.trim();
    let chosen = match members.iter().position(|m| whole(m) == value) {
        Some(found) => found,
        None => place(&format!("value of '{}'", group.name), value, &members.iter().map(short).collect::<Vec<_>>())?,
    };
    Ok(members.iter().enumerate().map(|(at, &m)| (m, at == chosen)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(w: &[&str]) -> Vec<String> {
        w.iter().map(|w| (*w).to_owned()).collect()
    }

    fn read(set: &[&str], set_group: &[&str]) -> Result<Told> {
        let own = words(&["colour:red", "colour:blue", "colour:grey", "striped"]);
        // The bottleneck left one value out.
        let names = Names { concepts: words(&["striped", "colour:blue", "colour:red"]), classes: words(&["a", "b"]) };
        let groups = [
            Group { name: "colour".into(), members: vec![0, 1, 2], cost: 1.0 },
            Group { name: "striped".into(), members: vec![3], cost: 1.0 },
        ];
        TellArgs { set: words(set), set_group: words(set_group), set_class: None }.read(&names, &groups, &own)
    }

    #[test]
    fn a_group_s_value_rules_out_the_others() {
        let told = read(&["striped=absent"], &["colour=red"]).unwrap();
        assert_eq!(told.concepts.into_iter().collect::<Vec<_>>(), [(0, false), (1, false), (2, true)]);
        assert_eq!(read(&[], &["colour=colour:red"]).unwrap(), read(&[], &["colour=red"]).unwrap());
    }

    #[test]
    fn what_is_misspelt_or_contradicts_itself_is_told() {
        let message = |set: &[&str], group: &[&str]| format!("{:#}", read(set, group).unwrap_err());
        assert!(message(&["stripd=absent"], &[]).contains("did you mean 'striped'?"));
        assert!(message(&["striped=no"], &[]).contains("'no' is neither present nor absent"));
        assert!(message(&["striped"], &[]).contains("CONCEPT=present"));
        assert!(message(&[], &["color=red"]).contains("did you mean 'colour'?"));
        assert!(message(&[], &["colour=grey"]).contains("no value of 'colour' 'grey'"));
        assert!(message(&["colour:blue=present"], &["colour=red"]).contains("to be present and to be absent"));
    }
}
