//! Builds and templates as users write them: what is taken, and what is refused with which words. Files beside this one are healthy;
//! each row of [`rows`] changes one thing in one of them.

mod binary;
mod rows;
mod scripts;

use buildkit_preflight::build::{Home, Invalid, Plan, job, plan, read_build, read_template};
use buildkit_preflight::render;
use proptest::prelude::*;
use rows::{ROWS, Row, Which};

const TEMPLATE: &str = include_str!("template.yaml");

/// A file that is healthy.
fn healthy(which: Which) -> &'static str {
    match which {
        Which::Page => include_str!("page.yaml"),
        Which::Build => include_str!("build.yaml"),
        Which::Steps => include_str!("steps.yaml"),
        Which::Template => TEMPLATE,
    }
}

/// What becomes of a Build and the template that it may need.
fn judged(build: &str, template: &str) -> Result<Plan, Invalid> {
    let build = read_build("build.yaml", build)?;
    let template = build.template().map(|_| read_template("template.yaml", template)).transpose()?;
    plan(build, template.as_ref())
}

/// The file of a row after its change, with the template that goes with it.
fn changed(row: &Row) -> (String, String) {
    let text = healthy(row.which);
    assert!(row.from.is_empty() || text.contains(row.from), "{:?} is in {:?}", row.from, row.which);
    let text = if row.from.is_empty() { row.to.to_owned() } else { text.replacen(row.from, row.to, 1) };
    match row.which {
        Which::Template => (healthy(Which::Page).to_owned(), text),
        _ => (text, TEMPLATE.to_owned()),
    }
}

#[test]
fn what_is_healthy_is_taken() {
    for which in [Which::Page, Which::Build, Which::Steps] {
        let plan = judged(healthy(which), TEMPLATE).unwrap_or_else(|invalid| panic!("{which:?}: {invalid}"));
        assert!(!plan.steps.is_empty());
    }
}

#[test]
fn the_page_is_filled_in_as_knative_did() {
    let plan = judged(healthy(Which::Page), TEMPLATE).expect("a plan");
    let step = &plan.steps[0].value;
    let words: Vec<_> = step["command"].as_array().expect("words").iter().filter_map(|word| word.as_str()).collect();
    assert_eq!(
        words.join(" "),
        "buildctl --addr=tcp://buildkitd:1234 build --progress=plain --frontend=dockerfile.v0 --opt filename=Dockerfile \
         --local context=. --local dockerfile=. --output type=image,name=gcr.io/my-project/my-app,push=true"
    );
    assert_eq!((step["image"].as_str(), step["workingDir"].as_str()), (Some("moby/buildkit:v0.4.0-rootless"), Some("/workspace")));
    assert_eq!((plan.build.service_account(), plan.build.timeout), ("default", 600));
    assert_eq!(plan.build.git_urls(), ["https://github.com/my-user/my-repo"]);
}

#[test]
fn the_template_of_this_program_has_the_parameters_of_the_page() {
    let text = render::build_template().expect("a template");
    let template = read_template("template.yaml", &text).unwrap_or_else(|invalid| panic!("{invalid}"));
    let parameters: Vec<_> = template.parameters.iter().map(|one| (one.name.value.as_str(), one.default.as_deref())).collect();
    let image = render::client_image();
    let wanted = [
        ("IMAGE", None),
        ("DOCKERFILE", Some("./Dockerfile")),
        ("PUSH", Some("true")),
        ("DIRECTORY", Some("/workspace")),
        ("BUILDKIT_CLIENT_IMAGE", Some(image.as_str())),
        ("BUILDKIT_DAEMON_ADDRESS", Some("tcp://buildkitd:1234")),
    ];
    assert_eq!(parameters, wanted);
    let plan = judged(healthy(Which::Page), &text).unwrap_or_else(|invalid| panic!("{invalid}"));
    assert_eq!(plan.steps[0].value["image"], image);
}

#[test]
fn each_wrong_input_is_one_clear_error_with_its_place() {
    assert!(ROWS.len() >= 60, "{} rows", ROWS.len());
    let mut wrong = Vec::new();
    for row in ROWS {
        let (build, template) = changed(row);
        let said = judged(&build, &template).map_or_else(|invalid| invalid.to_string(), |_| "it is taken".into());
        if said != row.says {
            wrong.push(format!("{:?} -> {:?}\n  says    {said}\n  and not {}", row.from, row.to, row.says));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}

#[test]
fn a_template_that_was_not_found_is_named() {
    for (from, to, says) in [
        ("", "", "build.yaml:11:11: spec.template.name: BuildTemplate `buildkit` was not found"),
        (
            "    name: buildkit\n",
            "    kind: ClusterBuildTemplate\n    name: kaniko\n",
            "build.yaml:12:11: spec.template.name: ClusterBuildTemplate `kaniko` was not found",
        ),
    ] {
        let build = read_build("build.yaml", &healthy(Which::Page).replacen(from, to, 1)).expect("a Build");
        assert_eq!(plan(build, None).map_err(|invalid| invalid.to_string()).err().as_deref(), Some(says));
    }
}

#[test]
fn a_template_for_a_build_with_steps_is_refused() {
    let build = read_build("build.yaml", healthy(Which::Steps)).expect("a Build");
    let template = read_template("template.yaml", TEMPLATE).expect("a template");
    let said = plan(build, Some(&template)).map_err(|invalid| invalid.to_string()).err();
    let says = "template.yaml:4:9: metadata.name: the Build has steps of its own, so a template has no effect";
    assert_eq!(said.as_deref(), Some(says));
}

#[test]
fn a_template_does_not_grow_without_bounds() {
    let many = "${IMAGE}".repeat(50_000);
    let build = healthy(Which::Page).replace("gcr.io/my-project/my-app", &"x".repeat(400_000));
    let with_env = build.clone() + &format!("    env:\n    - {{name: A, value: \"{many}\"}}\n");
    for (build, template) in [(build, TEMPLATE.replace("${LEVEL}", &many)), (with_env, TEMPLATE.to_owned())] {
        let said = judged(&build, &template).map_err(|invalid| invalid.to_string()).err();
        let says = "build.yaml:11:11: spec.template.name: template `buildkit` has more than 1048576 bytes with its arguments filled in";
        assert_eq!(said.as_deref(), Some(says));
    }
}

#[test]
fn no_change_is_in_two_rows() {
    let mut seen: Vec<_> = ROWS.iter().map(|row| (format!("{:?}", row.which), row.from, row.to)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), ROWS.len());
}

#[test]
fn what_knative_took_is_taken() {
    for (which, from, to) in rows::TAKEN {
        let row = Row { which: *which, from, to, says: "" };
        let (build, template) = changed(&row);
        assert!(judged(&build, &template).is_ok(), "{from:?} -> {to:?}: {}", judged(&build, &template).expect_err("an error"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_file_that_is_cut_and_patched_never_panics(which in 0usize..4, at in 0usize..1500, cut in 0usize..40, put in "[-a-zA-Z:\\[\\]{}\"'&*$,.0-9 \n]{0,9}") {
        let which = [Which::Page, Which::Build, Which::Steps, Which::Template][which];
        let mut text = healthy(which).to_owned();
        let at = at.min(text.len());
        text.replace_range(at..(at + cut).min(text.len()), &put);
        let (build, template) = if matches!(which, Which::Template) { (healthy(Which::Page), text.as_str()) } else { (text.as_str(), TEMPLATE) };
        if let Ok(plan) = judged(build, template) {
            let _ = job(&plan, &Home::default(), &scripts::options());
        }
    }

    #[test]
    fn any_text_is_judged(text in "\\PC*|(?s).{0,200}") {
        let _ = judged(&text, TEMPLATE);
        let _ = judged(healthy(Which::Page), &text);
    }
}
