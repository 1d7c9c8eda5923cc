use super::automaton::table;
use super::*;
use proptest::prelude::*;

/// (value, class, rule)
type Row = (&'static str, Class, &'static str);

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

#[track_caller]
fn check(rows: &[Row]) {
    for &(value, class, rule) in rows {
        assert_eq!(classify(value.as_bytes()), Match { class, rule }, "{value}");
    }
}

#[test]
fn browsers_apps_and_devices_are_none() {
    let rows = [
        "",
        "   ",
        CHROME,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
        "Mozilla/5.0 (compatible; Konqueror/4.5; Linux) KHTML/4.5.4 (like Gecko)",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/4.2; U; en) Presto/2.5.25 Version/10.54",
        "Mozilla/4.08 (PDA; NF33PPC3AC/1.0) NetFront/3.3",
        "Mozilla/5.0 (PLAYSTATION 3; 1.00)",
        "Mozilla/5.0 (SMART-TV; X11; Linux armv7l) AppleWebKit/537.42 (KHTML, like Gecko) Chromium/25.0.1349.2 Safari/537.42",
        "Dart/3.2 (dart:io)",
        "Dalvik/2.1.0 (Linux; U; Android 13; SM-A536B Build/TP1A.220624.014)",
        "MyApp/2.5 CFNetwork/1494.0.7 Darwin/23.4.0",
        "Nokia6230i/2.0 (03.25) Profile/MIDP-2.0 Configuration/CLDC-1.1",
    ];
    check(&rows.map(|value| (value, Class::None, "")));
}

#[test]
fn what_an_android_agent_says_of_its_device_is_skipped() {
    check(&[
        (
            "Mozilla/5.0 (Linux; Android 12; CUBOT KING KONG 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
            Class::None,
            "",
        ),
        (
            "Mozilla/5.0 (Linux; Android 7.0; M bot 54 Build/NRD90M) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0 Mobile Safari/537.36",
            Class::None,
            "",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 4.2.2; de-de; Spider 8 Build/JDQ39) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Safari/534.30",
            Class::None,
            "",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; M(bot); crawl) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0 Mobile Safari/537.36",
            Class::None,
            "",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; M spider) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0 Mobile Safari/537.36",
            Class::None,
            "",
        ),
        // After the device, or where a crawler begins to name itself, everything counts again.
        (
            "Mozilla/5.0 (Linux; Android 7.0; M bot 54) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0 Safari/537.36 M bot",
            Class::CrawlerByShape,
            "bot",
        ),
        (
            "Mozilla/5.0 (Linux; Android 7.0; Pixel; compatible; some bot) AppleWebKit/537.36",
            Class::CrawlerByShape,
            "bot",
        ),
        (
            "Mozilla/5.0 (Linux; Android 8.0; Pixel 2; Storebot-Google/1.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/81.0 Mobile Safari/537.36",
            Class::Crawler,
            "-google",
        ),
    ]);
}

#[test]
fn crawlers_are_told_by_word_and_by_shape() {
    check(&[
        (
            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
            Class::Crawler,
            "bot",
        ),
        (
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            Class::Crawler,
            "bot",
        ),
        ("facebookexternalhit/1.1", Class::Crawler, "facebookexternal"),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
            Class::Crawler,
            "gptbot",
        ),
        ("Mozilla/5.0", Class::CrawlerByShape, "no_engine_no_platform"),
        ("Mozilla/5.0 Zxcvb/1.0", Class::CrawlerByShape, "no_engine_no_platform"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0 Zxcvb (+https://zxcvb.example)",
            Class::CrawlerByShape,
            "contact_address",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) Firefox/128.0 zxcvb@zxcvb.example",
            Class::CrawlerByShape,
            "contact_address",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Firefox/128.0 zxcvb@zxcvb", Class::None, ""),
        ("Zxcvb/1.0 (+https://zxcvb.example/about)", Class::CrawlerByShape, "contact_address"),
        (
            "Mozilla/5.0 (compatible; Zxcvb/1.0; Windows NT 10.0)",
            Class::CrawlerByShape,
            "compatible_unknown",
        ),
        ("Mozilla/4.0 (compatible; Zxcvb/1.0; Windows NT 5.1)", Class::None, ""),
        ("Mozilla/5.0 (Windows NT 10.0) Zxcvb/1.0", Class::Suspected, "no_engine"),
        ("Mozilla/5.0 (Windows NT 10.0) Firefox/128.0", Class::None, ""),
    ]);
}

#[test]
fn a_word_makes_a_crawler_by_shape_and_a_name_one_for_sure() {
    check(&[
        ("Zxcvb feed/1.0", Class::CrawlerByShape, "feed"),
        ("Zxcvb feed/1.0 (AhrefsSiteAudit)", Class::Crawler, "audit"),
        ("Zxcvb feed/1.0 HeadlessChrome/131", Class::Crawler, "feed"),
        ("Zxcvb feed/1.0 (python-requests/2.31.0)", Class::CrawlerOnLibrary, "feed"),
        ("Zxcvb/1.0 (python-requests/2.31.0)", Class::HttpLibrary, "python-requests"),
        ("ZxcvbBot", Class::CrawlerByShape, "bot"),
        ("ZxcvbBot 1.0", Class::CrawlerByShape, "bot"),
        ("ZxcvbBot/1.0", Class::Crawler, "bot"),
        ("ZxcvbBot/beta", Class::Crawler, "bot"),
        ("AhrefsBot", Class::Crawler, "bot"),
        ("zxcvb (+https://zxcvb.example/bot)", Class::Crawler, "bot"),
        ("zxcvb (+https://zxcvb.example/bottle)", Class::CrawlerByShape, "bot"),
        ("Zxcvb Crawler", Class::Crawler, "crawl"),
        ("Zxcvb Crawlera/1", Class::CrawlerByShape, "crawl"),
        ("zxcvb-fetcher/1", Class::Crawler, "fetcher"),
        ("Mozilla/5.0 (compatible; Embedly/0.2)", Class::Crawler, "embedly"),
    ]);
}

/// A short name counts in a value that no browser of a person's has.
#[test]
fn a_short_name_counts_where_the_shape_speaks_too() {
    check(&[
        (
            "Mozilla/5.0 (compatible; Plukkie/1.5; http://zxcvb.example)",
            Class::Crawler,
            "contact_address",
        ),
        (
            "Mozilla/5.0 (compatible; Zlukkie/1.5; http://zxcvb.example)",
            Class::CrawlerByShape,
            "contact_address",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Firefox/128.0 Plukkie/1.5", Class::None, ""),
    ]);
}

/// What stands beside the network stack or the shell of an app may be the app's own name.
#[test]
fn names_in_a_persons_app_do_not_count() {
    check(&[
        ("GoSpotCheck 1.0.6 (iPhone; iPhone OS 5.1.1; en_US)", Class::CrawlerByShape, "check"),
        ("Embedly/1.0", Class::Crawler, "embedly"),
        ("Embedly/1.0 CFNetwork/1494.0.7 Darwin/23.4.0", Class::CrawlerByShape, "embedly"),
        ("Splash/1.0 CFNetwork/1494.0.7 Darwin/23.4.0", Class::None, ""),
        ("AhrefsBot/7.0 CFNetwork/1494.0.7 Darwin/23.4.0", Class::Crawler, "bot"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/61.0 Electron/2.0.18 Cypress/3.3.2 Safari/537.36",
            Class::Headless,
            "cypress",
        ),
    ]);
}

#[test]
fn people_with_the_apps_and_words_that_crawlers_have_too() {
    let rows = [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Blackboard/1.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Freespoke/1.3",
        "Inoreader/7.1 (iPhone; iOS 17.5)",
        "Mozilla/5.0 (Android) Nextcloud-android/3.29.0",
        "HisThumbnail/1.0 (Linux; Android 9)",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0 Electron/22.0 Safari/537.36 Mattermost/5.3",
        "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0 Safari/537.36,gzip(gfe) (via translate.google.com)",
        "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0 Safari/537.36 (compatible; Google AppsViewer; http://drive.google.com)",
        "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/128.0 Agent/1 Inspect/2 Preview/3 Thumbnail/4",
        "ImapAgent/1.0 CFNetwork/1494.0.7",
        "Preview/901.8 CFNetwork/1494.0.7 Darwin/23.4.0",
    ];
    check(&rows.map(|value| (value, Class::None, "")));
}

#[test]
fn browsers_without_a_person_are_headless() {
    check(&[
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
            Class::Headless,
            "headless",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessEdg/131.0.0.0",
            Class::Headless,
            "headless",
        ),
        (
            "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
            Class::Headless,
            "phantomjs",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/61.0 Electron/2.0.18 Cypress/3.3.2 Safari/537.36",
            Class::Headless,
            "cypress",
        ),
    ]);
}

#[test]
fn documented_and_well_known_libraries_are_libraries() {
    let values = [
        "node",
        "undici",
        "axios/1.7.7",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "GuzzleHttp/7",
        "python-requests/2.32.3",
        "Java/17.0.1",
        "okhttp/4.12.0",
        "Apache-HttpClient/4.5.13 (Java/11.0.11)",
        "curl/8.5.0",
        "Wget/1.21.4",
        "python-httpx/0.27.0",
        "Go-http-client/2.0",
        "PostmanRuntime/7.39.0",
        "Deno/2.0.0",
        "Bun/1.1.30",
        "Ruby",
        "Python/3.11 aiohttp/3.9.1",
        "libwww-perl/6.67",
        "got (https://github.com/sindresorhus/got)",
        "reqwest/0.12",
        "Faraday v2.7.4",
        "RestSharp/110.2.0.0",
        "Zxcvb/1.0 (python-requests/2.31.0)",
        // Convert: an opt-out token without a version, or not in its letter case, is its SDKs'
        // library and nothing more.
        "convertagent/1.0",
        "ConvertAgent/",
        "ConvertAgent/ 1.0",
        "ConvertAgent",
        "MyApp/2.5 ConvertAgent (production)",
    ];
    for value in values {
        assert_eq!(classify(value.as_bytes()).class, Class::HttpLibrary, "{value}");
    }
}

#[test]
fn the_library_in_front_counts_and_a_library_behind_does_not() {
    check(&[
        ("curl/8.5.0 (MyBot)", Class::HttpLibrary, "curl"),
        ("MyBot/1.0 curl/8.5.0", Class::Crawler, "bot"),
    ]);
}

#[test]
fn other_agents_are_suspected() {
    let values = [
        "MyApp/2.5",
        "MyApp",
        "acme-tracking 1.2",
        "acme-shopping/1.0 (production)",
        "-",
        "mozilla",
        "Mozill/5.0 (Windows NT 10.0)",
        "\u{e9}",
    ];
    check(&values.map(|value| (value, Class::Suspected, "unknown_agent")));
}

#[test]
fn letter_case_does_not_count() {
    for value in [
        CHROME,
        "Mozilla/5.0 (compatible; AhrefsBot/7.0)",
        "Python-Requests/2.0",
        "MyApp/2.5",
        "HeadlessChrome",
    ] {
        let verdicts = [value.to_owned(), value.to_ascii_lowercase(), value.to_ascii_uppercase()]
            .map(|value| classify(value.as_bytes()));
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{value}: {verdicts:?}");
    }
}

#[test]
fn only_the_first_2048_bytes_are_looked_at() {
    let at = |start: usize| format!("{CHROME} {} bot", ".".repeat(start - CHROME.len() - 2));
    assert_eq!(at(2_045).len(), 2_048);
    assert_eq!(classify(at(2_045).as_bytes()).class, Class::CrawlerByShape, "ends with byte 2,048");
    assert_eq!(classify(at(2_046).as_bytes()).class, Class::None, "ends with byte 2,049");
}

#[test]
fn hostile_bytes_cost_no_more_than_their_number() {
    let pieces: [&[u8]; 10] = [
        b"a",
        b"(",
        b")",
        b"@",
        b"a@a",
        b"a@a.",
        b";",
        b"bo",
        b"(Linux; Android ;compatible; ",
        b"\xff\x00",
    ];
    for piece in pieces {
        for start in [b"".as_slice(), b"Mozilla/5.0 (Linux; Android 1;"] {
            let value: Vec<u8> =
                start.iter().chain(piece.iter().cycle()).copied().take(1 << 20).collect();
            let began = std::time::Instant::now();
            (0..100).for_each(|_| _ = classify(&value));
            // Unoptimised and on a busy machine one takes well under a millisecond.
            assert!(
                began.elapsed().as_millis() < 2_000,
                "{:?}: {:?}",
                String::from_utf8_lossy(piece),
                began.elapsed()
            );
        }
    }
}

#[test]
fn the_tables_stay_small() {
    let bytes = table::BYTES;
    assert!(bytes < 120_000, "{bytes} bytes");
}

#[test]
fn ids_of_classes() {
    let crawlers = [Class::Crawler, Class::CrawlerByShape, Class::CrawlerOnLibrary].map(Class::id);
    assert_eq!(crawlers, ["crawler"; 3]);
    let ids = [Class::Headless, Class::HttpLibrary, Class::Suspected, Class::None].map(Class::id);
    assert_eq!(ids, ["headless", "http_library", "suspected", "none"]);
}

proptest! {
    #[test]
    fn any_bytes_have_a_class(value in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        let verdict = classify(&value);
        prop_assert_eq!(verdict.rule.is_empty(), verdict.class == Class::None);
    }
}
