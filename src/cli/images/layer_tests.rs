//! Layers, built entry by entry.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tar::{Builder, Header};

use super::*;
use crate::cli::images::manifest::digest;

const MIB: u64 = 1 << 20;

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o640);
    header.set_uid(7);
    header.set_gid(8);
    header
}

/// An entry whose name is written as it is: the library refuses some.
fn raw(archive: &mut Builder<Vec<u8>>, kind: EntryType, name: &[u8], link: &[u8], content: &[u8]) {
    let mut header = header(kind, content.len() as u64);
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name);
    old.linkname[..link.len()].copy_from_slice(link);
    header.set_cksum();
    archive.append(&header, content).expect("memory");
}

fn layer(entries: &[(EntryType, &str, &str, &[u8])]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (kind, name, link, content) in entries {
        raw(
            &mut archive,
            *kind,
            name.as_bytes(),
            link.as_bytes(),
            content,
        );
    }
    archive.into_inner().expect("memory")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Reads what is stored as a layer, of which only what is in it is promised.
fn read_as(stored: &[u8], unpacked: &[u8], limit: u64) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let (own, diff_id) = (digest(stored), digest(unpacked));
    let promise = Promise {
        digest: Some(&own),
        diff_id: &diff_id,
        limit,
    };
    read(stored, promise, |path, entry| {
        let what = match entry {
            LayerEntry::File(meta, content) => format!(
                "{:o} {}:{} {:?}",
                meta.mode,
                meta.uid,
                meta.gid,
                content.map(|c| c.len())
            ),
            LayerEntry::Directory(_) => "directory".into(),
            LayerEntry::Symlink(_, to) => format!("-> {to}"),
            LayerEntry::Hardlink(to) => format!("= {}", to.join("/")),
        };
        found.push(format!("{} {what}", path.join("/")));
        Ok(())
    })?;
    Ok(found)
}

fn read_plain(archive: &[u8]) -> Result<Vec<String>, Failure> {
    read_as(archive, archive, 64 * MIB)
}

#[test]
fn names_are_taken_from_the_root() {
    let archive = layer(&[
        (EntryType::Directory, "./usr/", "", b""),
        (EntryType::Regular, "/usr//absolute", "", b"x"),
        (EntryType::Regular, "usr/../etc/passwd", "", b"root"),
        (EntryType::Regular, "old/", "", b""),
        (EntryType::Symlink, "run", "/../var/run", b""),
        (EntryType::Link, "twin", "./usr/absolute", b""),
        (EntryType::Fifo, "fifo", "", b""),
    ]);
    let expected = [
        "usr directory",
        "usr/absolute 640 7:8 None",
        "etc/passwd 640 7:8 Some(4)",
        "old directory",
        "run -> /../var/run",
        "twin = usr/absolute",
        "fifo 640 7:8 None",
    ];
    assert_eq!(read_plain(&archive).expect("a layer"), expected);
}

#[test]
fn nothing_leaves_the_image() {
    for name in ["../x", "a/../../x", "/.."] {
        let failure = read_plain(&layer(&[(EntryType::Regular, name, "", b"")])).expect_err(name);
        assert!(failure.what.contains("outside of the image"), "{failure}");
    }
    let failure =
        read_plain(&layer(&[(EntryType::Link, "x", "../../etc/shadow", b"")])).expect_err("a link");
    assert!(failure.what.contains("outside of the image"), "{failure}");
}

#[test]
fn long_names_and_records_belong_to_the_next_entry() {
    let long = "d/".repeat(90) + "name";
    let mut archive = Builder::new(Vec::new());
    raw(
        &mut archive,
        EntryType::GNULongName,
        b"././@LongLink",
        b"",
        [long.as_bytes(), b"\0"].concat().as_slice(),
    );
    raw(&mut archive, EntryType::Regular, b"short", b"", b"x");
    raw(
        &mut archive,
        EntryType::GNULongLink,
        b"././@LongLink",
        b"",
        b"far/away\0",
    );
    raw(&mut archive, EntryType::Symlink, b"link", b"near", b"");
    archive
        .append_pax_extensions([
            ("path", &b"pax/name"[..]),
            ("uid", b"70000"),
            ("gid", b"80000"),
        ])
        .expect("memory");
    raw(&mut archive, EntryType::Regular, b"short", b"", b"");
    archive
        .append_pax_extensions([("linkpath", &b"pax/target"[..])])
        .expect("memory");
    raw(&mut archive, EntryType::Symlink, b"other", b"short", b"");
    raw(&mut archive, EntryType::Regular, b"last", b"", b"");
    let archive = archive.into_inner().expect("memory");
    let expected = [
        format!("{long} 640 7:8 None"),
        "link -> far/away".into(),
        "pax/name 640 70000:80000 None".into(),
        "other -> pax/target".into(),
        "last 640 7:8 None".into(),
    ];
    assert_eq!(read_plain(&archive).expect("a layer"), expected);
}

#[test]
fn headers_have_a_limit() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let huge = vec![b'x'; usize::try_from(MAX_HEADER).expect("small") + 1];
        let failure = read_plain(&layer(&[
            (kind, "huge", "", &huge),
            (EntryType::Regular, "x", "", b""),
        ]))
        .expect_err("too large");
        assert!(failure.what.contains("a header of"), "{failure}");
    }
    // One that only says so, in an archive that is much smaller.
    let mut lying = header(EntryType::GNULongName, 1 << 40);
    lying.set_cksum();
    assert!(
        read_plain(lying.as_bytes())
            .expect_err("too large")
            .what
            .contains("a header of")
    );
    let failure = read_plain(&layer(&[
        (
            EntryType::GNULongName,
            "l",
            "",
            "d/".repeat(3000).as_bytes(),
        ),
        (EntryType::Regular, "x", "", b""),
    ]));
    assert!(failure.expect_err("too long").what.contains("4096 bytes"));
}

#[test]
fn odd_archives_are_told() {
    let mut sized = Builder::new(Vec::new());
    sized
        .append_pax_extensions([("size", &b"9999999999"[..])])
        .expect("memory");
    raw(&mut sized, EntryType::Regular, b"huge", b"", b"");
    assert!(
        read_plain(&sized.into_inner().expect("memory"))
            .expect_err("large")
            .what
            .contains("8 GiB")
    );
    assert!(
        read_plain(&layer(&[(EntryType::GNUSparse, "s", "", b"")]))
            .expect_err("sparse")
            .what
            .contains("sparse")
    );
    assert!(
        read_plain(&[b'x'; 1024])
            .expect_err("no tar")
            .what
            .contains("cannot be read")
    );
    let large = vec![b'x'; usize::try_from(MAX_CONTENT).expect("small") + 1];
    assert_eq!(
        read_plain(&layer(&[(EntryType::Regular, "etc/passwd", "", &large)])).expect("read"),
        ["etc/passwd 640 7:8 None"]
    );
    assert_eq!(
        read_plain(b"").expect("an empty layer"),
        Vec::<String>::new()
    );
}

#[test]
fn every_compression_is_known_by_its_bytes() {
    let archive = layer(&[(EntryType::Regular, "x", "", &[b'y'; 3000])]);
    // As estargz writes it: many members one after the other.
    let (one, two) = archive.split_at(700);
    let members = [gzip(one), gzip(two)].concat();
    for stored in [
        archive.clone(),
        gzip(&archive),
        members,
        compress_to_vec(archive.as_slice(), CompressionLevel::Fastest),
    ] {
        assert_eq!(
            read_as(&stored, &archive, MIB).expect("a layer"),
            ["x 640 7:8 None"]
        );
    }
}

#[test]
fn damage_is_told_by_the_digest() {
    let archive = layer(&[(EntryType::Regular, "x", "", &[b'y'; 3000])]);
    let (whole, diff_id) = (gzip(&archive), digest(&archive));
    let own = digest(&whole);
    let promise = Promise {
        digest: Some(&own),
        diff_id: &diff_id,
        limit: MIB,
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0xff;
    let mut longer = whole.clone();
    longer.push(0);
    for stored in [
        &flipped,
        &longer,
        &whole[..whole.len() - 9].to_vec(),
        &Vec::new(),
    ] {
        let failure = read(stored.as_slice(), promise, |_, _| Ok(())).expect_err("damage");
        assert!(
            failure
                .what
                .starts_with(&format!("the layer {own} is damaged")),
            "{failure}"
        );
    }
    // Where nothing promises the digest of what is stored, that of what is in it tells.
    let unnamed = Promise {
        digest: None,
        ..promise
    };
    assert!(
        read(&whole[..whole.len() - 9], unnamed, |_, _| Ok(())).is_err(),
        "cut off"
    );
    let other = Promise {
        digest: Some(&own),
        diff_id: &own,
        limit: MIB,
    };
    assert!(
        read(whole.as_slice(), other, |_, _| Ok(()))
            .expect_err("another")
            .what
            .contains("not the one that the configuration names")
    );
}

#[test]
fn layers_have_a_limit() {
    let archive = layer(&[(EntryType::Regular, "x", "", &vec![0; 3 << 20])]);
    assert!(read_as(&archive, &archive, 4 * MIB).is_ok());
    let failure = read_as(&archive, &archive, 2 * MIB).expect_err("too large");
    assert_eq!(failure.what, "a layer has more than 2 MiB");
    // A bomb: small as it is stored.
    let bomb = vec![0; usize::try_from(MAX_RATIO * MIB).expect("small") + 1];
    let failure = read_as(&gzip(&bomb), &bomb, MIB).expect_err("too large");
    assert_eq!(
        failure.what,
        format!("a layer has more than {MAX_RATIO} MiB when decompressed")
    );
}

#[test]
fn what_the_reader_says_is_what_is_told() {
    struct Silent;
    impl Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(Failure::new("the registry does not answer", "wait").into())
        }
    }
    let archive = layer(&[(EntryType::Regular, "x", "", &[b'y'; 3000])]);
    for start in [
        Vec::new(),
        gzip(&archive)[..30].to_vec(),
        archive[..600].to_vec(),
    ] {
        let promise = Promise {
            digest: Some("sha256:0"),
            diff_id: "sha256:0",
            limit: MIB,
        };
        let failure =
            read(start.as_slice().chain(Silent), promise, |_, _| Ok(())).expect_err("silence");
        assert_eq!(failure.what, "the registry does not answer");
    }
}
