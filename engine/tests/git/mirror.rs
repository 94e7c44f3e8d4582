//! The mirror: what is fetched once is not fetched again.

use engine::capability::git::protocol::{Answer, Bounds, Contains, Request};

use super::support::{GitServer, World, git};

fn posts(server: &GitServer) -> Vec<usize> {
    let log = server.take_log();
    log.iter()
        .filter(|served| served.method == "POST")
        .map(|served| served.bytes)
        .collect()
}

#[test]
fn the_second_fetch_asks_for_refs_and_takes_only_what_is_new() {
    let world = World::new();
    let work = world.repository("shop");
    // Something that does not compress, so that sending it again would show.
    let noise: String = (0..40_000_u64)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string())
        .collect();
    std::fs::write(work.join("noise"), noise).unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "noise"]);
    world.publish("shop");
    let server = world.server();
    let url = server.url("shop.git");

    world.clone(world.clone_request(&url)).unwrap();
    let first = posts(&server);
    assert!(first.iter().sum::<usize>() > 200_000, "{first:?}");

    world.clone(world.clone_request(&url)).unwrap();
    let nothing_new = posts(&server);
    assert_eq!(
        nothing_new.len(),
        1,
        "only the refs are listed: {nothing_new:?}"
    );
    assert!(nothing_new[0] < 1000);

    std::fs::write(work.join("step.txt"), "four").unwrap();
    git(&work, &["commit", "-q", "-am", "four"]);
    world.publish("shop");
    let request = world.clone_request(&url);
    let staging = request.staging.clone();
    world.clone(request).unwrap();
    let little_new = posts(&server);
    assert!(little_new.iter().sum::<usize>() < 5_000, "{little_new:?}");
    assert_eq!(
        std::fs::read_to_string(staging.join("step.txt")).unwrap(),
        "four"
    );
}

/// Row F13: the mirror of another's credentials.
#[test]
fn another_scope_of_credentials_has_another_mirror_and_no_leave_in_this_one() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    let url = server.url("shop.git");
    world.clone(world.clone_request(&url)).unwrap();
    let count = || std::fs::read_dir(world.path("cache")).unwrap().count();
    assert_eq!(count(), 1);
    let mut request = world.clone_request(&url);
    request.mirror.as_mut().unwrap().scope = "another".to_owned();
    world.clone(request).unwrap();
    assert_eq!(count(), 2);
    // What the mirror holds is of no use to who may not list the remote.
    server.require("Basic something");
    assert!(world.clone(world.clone_request(&url)).is_err());
}

/// Row F10: a mirror that was damaged.
#[test]
fn a_mirror_that_is_damaged_or_half_written_is_made_anew() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let url = server.url("shop.git");
    let damages: [fn(&std::path::Path); 5] = [
        |mirror| std::fs::write(mirror.join("being-written"), "").unwrap(),
        |mirror| std::fs::remove_dir_all(mirror.join("repository.git/objects")).unwrap(),
        |mirror| std::fs::write(mirror.join("repository.git/HEAD"), "nonsense").unwrap(),
        |mirror| std::fs::write(mirror.join("repository.git/config"), "[[[").unwrap(),
        |mirror| {
            let folder = mirror.join("repository.git/objects/pack");
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let mut permissions = path.metadata().unwrap().permissions();
                #[expect(clippy::permissions_set_readonly_false, reason = "a file of the test")]
                permissions.set_readonly(false);
                std::fs::set_permissions(&path, permissions).unwrap();
                if path.extension().is_some_and(|end| end == "pack") {
                    let mut bytes = std::fs::read(&path).unwrap();
                    let middle = bytes.len() / 2;
                    bytes[middle - 200..middle + 200].fill(0x55);
                    std::fs::write(&path, bytes).unwrap();
                }
            }
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        world.clone(world.clone_request(&url)).unwrap();
        let mirror = std::fs::read_dir(world.path("cache"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        damage(&mirror);
        let request = world.clone_request(&url);
        let staging = request.staging.clone();
        world
            .clone(request)
            .unwrap_or_else(|failure| panic!("{number}: {failure:?}"));
        assert_eq!(
            super::support::files(&staging),
            super::support::files(&work),
            "{number}"
        );
    }
}

#[test]
fn many_at_once_share_one_mirror() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let url = server.url("shop.git");
    std::thread::scope(|scope| {
        for number in 0..8_u32 {
            let (world, url, work) = (&world, &url, &work);
            scope.spawn(move || {
                let mut request = world.clone_request(url);
                request.depth = (number % 3 > 0).then_some(number % 3);
                request.history = number % 2 == 0;
                let staging = request.staging.clone();
                world.clone(request).unwrap();
                assert_eq!(super::support::files(&staging), super::support::files(work));
            });
        }
    });
    assert_eq!(std::fs::read_dir(world.path("cache")).unwrap().count(), 1);
}

#[test]
fn whether_a_commit_contains_another_is_answered_without_a_checkout() {
    let world = World::new();
    let work = world.repository("shop");
    git(&work, &["checkout", "-q", "side"]);
    std::fs::write(work.join("side.txt"), "side").unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "aside"]);
    world.publish("shop");
    let server = world.server();
    let id = |name: &str| git(&work, &["rev-parse", &format!("{name}^{{commit}}")]);
    let nowhere = "1234567890123456789012345678901234567890".to_owned();
    // A shallow mirror from before is deepened.
    world
        .clone(world.clone_request(&server.url("shop.git")))
        .unwrap();
    for (ancestor, descendant, contains) in [
        (id("v1"), id("main"), Some(true)),
        (id("main"), id("main"), Some(true)),
        (id("v2"), id("side"), Some(true)),
        (id("main"), id("v1"), Some(false)),
        (id("side"), id("main"), Some(false)),
        (nowhere.clone(), id("main"), Some(false)),
        (id("main"), nowhere, None),
    ] {
        let request = Request::Contains(Box::new(Contains {
            remote: world.remote(&server.url("shop.git")),
            mirror: Some(world.mirror()),
            ancestor: ancestor.clone(),
            descendant: descendant.clone(),
            bounds: Bounds::default(),
        }));
        match (world.call(request), contains) {
            (Ok(Answer::Contains(seen)), Some(expected)) => {
                assert_eq!(seen, expected, "{ancestor} {descendant}");
            }
            (Err(failure), None) => assert_eq!(failure.code, "git.object-not-found", "{failure:?}"),
            (other, _) => panic!("{other:?}"),
        }
    }
}
