//! `%f` and `%g`.

use super::text::Random;
use super::{formatted, rows};
use core::f64::consts::PI;

#[test]
fn general() {
    rows! {
        "%g", 0.0 => "0";
        "%g", -0.0 => "0";
        "%g", 0.123 => "0.123";
        "%g", 0.00123 => "0.00123";
        "%g", 0.123456333 => "0.123456";
        "%g", 123.0 => "123";
        "%g", 11.5454 => "11.5454";
        "%g", 11.0001 => "11.0001";
        "%g", 0.999 => "0.999";
        "%g", 0.999999 => "0.999999";
        "%g", 0.9999999 => "1";
        "%g", 10.9 => "10.9";
        "%g", 10.01 => "10.01";
        "%g", 1.0 => "1";
        "%g", 10.0 => "10";
        "%g", 100.0 => "100";
        "%g", 1000.0 => "1000";
        "%g", 10000.0 => "10000";
        "%g", 100000.0 => "100000";
        "%g", 1000000.0 => "1e+06";
        "%g", 1e7 => "1e+07";
        "%g", 100000001.0 => "1e+08";
        "%g", 999999.0 => "999999";
        "%g", 9999999.0 => "1e+07";
        "%g", 44556677.0 => "4.45567e+07";
        "%g", 1234567.2 => "1.23457e+06";
        "%g", 0.1 => "0.1";
        "%g", 0.01 => "0.01";
        "%g", 0.001 => "0.001";
        "%g", 0.0001 => "0.0001";
        "%g", -0.0001 => "-0.0001";
        "%g", 0.00001 => "0.00001";
        "%g", -0.00001 => "-0.00001";
        "%g", 0.000001 => "1e-06";
        "%g", 1e-10 => "1e-10";
        "%g", 2.34567e-57 => "2.34567e-57";
        "%g", -2.34567e-57 => "-2.34567e-57";
        "%g", 10.5454 => "10.5454";
        "%g", -987.65432 => "-987.654";
        "%g", 123.456222 => "123.456";
        "%g", 600.1234 => "600.123";
        "%g", -600.1234 => "-600.123";
        "%g", 599.1234 => "599.123";
        "%g", -599.1234 => "-599.123";
        "%g", 0.14 => "0.14";
        "%g", f64::INFINITY => "inf";
        "%g", -f64::INFINITY => "-inf";
        "%g", f64::NAN => "nan";
        "%g", -f64::NAN => "nan";
        "%.*g", 7, 9999999.0 => "9999999";
        "%.*g", 10, 0.123456333 => "0.123456333";
        "%.*g", 10, 123.456222 => "123.456222";
        "%.*g", 10, 1e11 => "1e+11";
        "%.*g", 10, -1e11 => "-1e+11";
    }
    // The text is free; what counts is that nothing overflows.
    let text = formatted("%.*g", &[88.into(), (-1e-88).into()]);
    assert_eq!(text.parse(), Ok(-1e-88));
}

#[test]
fn fixed() {
    rows! {
        "%f", 0.0 => "0";
        "%.2f", 0.0 => "0";
        "%.2f", -0.0 => "0";
        "%f", 1000000.0 => "1000000.000000";
        "%f", 1e7 => "10000000.000000";
        "%f", 0.14 => "0.140000";
        "%lf", 1.5 => "1.500000";
        "%.*f", 4, 0.14 => "0.1400";
        "%.*f", 3, 0.14 => "0.140";
        "%.*f", 2, 0.14 => "0.14";
        "%.*f", 2, 25.14 => "25.14";
        "%.*f", 1, 0.14 => "0.1";
        "%.*f", 1, 0.19 => "0.2";
        "%.*f", 1, 0.16 => "0.2";
        "%.*f", 1, 0.15 => "0.2";
        "%.1f", 1.5 => "1.5";
        "%.1f", 1.15 => "1.1";
        "%.1f", 0.155 => "0.2";
        "%.1f", 1.155 => "1.2";
        "%.2f", 0.015 => "0.01";
        "%.2f", 0.0015 => "0.00";
        "%.2f", 5.55 => "5.55";
        "%.3f", 123.123456789 => "123.123";
        "%.3f", 500.0 => "500.000";
        "%.3f", 13.12505 => "13.125";
        "%.3f", 15.1255 => "15.126";
        "%.3f", 19.1255 => "19.125";
        "%2.3f", 1.23 => "1.230";
        "%.4f", 123.123456789 => "123.1235";
        "%.4f", 789.01234 => "789.0123";
        "%.4f", 100.15 => "100.1500";
        "%.5f", 123.1234567 => "123.12346";
        "%.5f", 123.12345 => "123.12345";
    }
}

#[test]
fn more_observed_values() {
    rows! {
        "%g", -1.0 => "-1";
        "%g", 0.5 => "0.5";
        "%g", 2.5 => "2.5";
        "%g", 0.05 => "0.05";
        "%g", 0.016 => "0.016";
        "%g", 9.9999999 => "10";
        "%g", 99.9999999 => "100";
        "%g", PI => "3.14159";
        "%g", 123456.789 => "123457";
        "%g", 1234567.0 => "1.23457e+06";
        "%g", 999999.5 => "1e+06";
        "%g", 12345678901234.0 => "1.23457e+13";
        "%g", 1e15 => "1e+15";
        "%g", 1e50 => "1e+50";
        "%g", 1.23456789e-6 => "1.23457e-06";
        "%g", -123.456 => "-123.456";
        "%g", 4294967296.0 => "4.29497e+09";
        "%g", 2147483647.0 => "2.14748e+09";
        "%g", 0.1 + 0.2 => "0.3";
        "%g", 1.0 / 3.0 => "0.333333";
        "%g", 2.0 / 3.0 => "0.666667";
        "%g", 1e99 => "1e+99";
        "%g", 1e-99 => "1e-99";
        "%g", 1e110 => "1e+110";
        "%g", 1e111 => "1e+111";
        "%f", 1.0 => "1.000000";
        "%f", 2.5 => "2.500000";
        "%f", 0.05 => "0.050000";
        "%f", 9.9999999 => "10.000000";
        "%f", 123456.789 => "123456.789000";
        "%f", 1e15 => "1000000000000000.000000";
        "%f", 1e22 => "10000000000000000000000.000000";
        "%f", 1e-7 => "0.000000";
        "%f", 1e-300 => "0.000000";
        "%f", -123.456 => "-123.456000";
        "%f", 4294967296.0 => "4294967296.000000";
        "%f", f64::INFINITY => "inf";
        "%f", f64::NAN => "nan";
        "%.1f", 0.25 => "0.2";
        "%.1f", 0.35 => "0.3";
        "%.1f", 0.45 => "0.5";
        "%.1f", 2.25 => "2.2";
        "%.2f", 0.125 => "0.13";
        "%.2f", 1.005 => "1.00";
        "%.2f", 2.675 => "2.67";
        "%.2f", 100.0 => "100.00";
        "%.2f", 0.99999999 => "1.00";
        "%.2f", 2.0 / 3.0 => "0.67";
        "%.3g", 0.05 => "0.05";
        "%.3g", 100.0 => "100";
        "%.3g", 9.99 => "9.99";
        "%.3g", 123456.789 => "1.23e+05";
        "%.3g", PI => "3.14";
        "%.3g", 1.0 / 3.0 => "0.333";
        "%.3g", 15.0 => "15";
        "%.3g", 0.00123456789 => "1.23e-03";
        "%.2g", 0.05 => "5e-02";
        "%.2g", 0.1 => "0.1";
        "%.2g", 0.01 => "1e-02";
        "%.2g", 0.001 => "1e-03";
        "%.2g", 9.99 => "10";
        "%.2g", 100.0 => "1e+02";
        "%.2g", 1.5 => "1.5";
        "%1.2g", 123.0 => "1.2e+02";
        "%.10g", PI => "3.141592654";
        "%.10g", 123456.789 => "123456.789";
        "%.10g", 12345678901234.0 => "1.23456789e+13";
        "%.10g", 1e9 => "1000000000";
        "%.10g", 1e10 => "1e+10";
        "%.10g", 1e-5 => "0.00001";
        "%.10g", 1.0 / 3.0 => "0.3333333333";
        "%.15g", 0.1 + 0.2 => "0.3";
        "%.15g", PI => "3.14159265358979";
        "%.15g", 12345678901234.0 => "12345678901234";
        "%.15g", 1e16 => "1e+16";
        "%.15g", 1e-10 => "0.0000000001";
        "%.15g", 0.00123456789 => "0.00123456789";
        "%.17g", PI => "3.1415926535897931";
        "%8g|", 1.5 => "     1.5|";
        "%-8g|", 1.5 => "1.5     |";
        "%08g|", -1.5 => "0000-1.5|";
        "%08.2f|", PI => "00003.14|";
        "%-10.1f|", 2.25 => "2.2       |";
        "%5g|", f64::INFINITY => "  inf|";
        "%05g|", f64::NAN => "00nan|";
        "%20f|", 1.0 => "            1.000000|";
        "%#f", 1.5 => "0x1.500000";
        "%#.2f", -1.5 => "0x-1.50";
        "%#g", 1.0 => "0x1";
    }
}

/// Where the original's text is wrong or unsafe.
#[test]
fn better_than_the_original() {
    rows! {
        "%.0f", 1.0 => "1";
        "%.0f", 2.5 => "3";
        "%.f", 0.4 => "0";
        "%.0f", -123.456 => "-123";
        "%.2f", 0.016 => "0.02";
        "%.2f", 0.009 => "0.01";
        "%.2f", 0.005 => "0.01";
        "%.1f", 0.05 => "0.1";
        "%.1f", 0.06 => "0.1";
        "%f", 0.00123456789 => "0.001235";
        "%g", 0.00123456789 => "0.00123457";
        "%g", 0.000123456789 => "0.000123457";
        "%g", 0.08445552798665604 => "0.0844555";
        "%g", 0.0000123456789 => "0.0000123457";
        "%g", 1e100 => "1e+100";
        "%g", 1e105 => "1e+105";
        "%g", 1e-105 => "1e-105";
        "%g", 2.2e-308 => "2.2e-308";
        "%g", f64::MAX => "1.79769e+308";
        "%g", 5e-324 => "4.94066e-324";
        "%.0g", 1.5 => "2";
        "%.0g", 100.0 => "1e+02";
        "%.0g", 15.0 => "2e+01";
        "%.1g", 100.0 => "1e+02";
        "%.1g", 0.05 => "0.05";
        "%.1g", 0.00001 => "1e-05";
        "%.0g", f64::MAX => "2e+308";
        "%.*f", -1, 1.5 => "1.500000";
        "%.*g", -5, 0.123456789 => "0.123457";
        "%f", 1e40 => "10000000000000000303786028427003666890752.000000";
        "%.60f", 0.1 => "0.100000000000000005551115123125782702118158340454101562500000";
        "%.40f", 0.1 => "0.1000000000000000055511151231257827021182";
        "%.60g", 0.5 => "0.5";
    }
}

#[test]
fn everything_fits() {
    let extremes = [f64::MAX, -f64::MAX, f64::MIN_POSITIVE, 5e-324, -5e-324, 0.1, 1e15, -999999999999999.9];
    for value in extremes {
        for precision in [0, 1, 39, 40, 41, 349, 350] {
            // Rust prints them exactly, too: same text where the rounding is that of C.
            let text = formatted("%.*f", &[precision.into(), value.into()]);
            let read: f64 = text.parse().unwrap();
            assert!((read - value).abs() <= 0.5 + value.abs() * f64::EPSILON, "{text}");
            let text = formatted("%.*g", &[precision.into(), value.into()]);
            if precision >= 39 {
                assert_eq!(text.parse(), Ok(value), "{text}");
            }
        }
    }
    // More digits than the limit change nothing.
    assert_eq!(formatted("%.9999f", &[f64::MAX.into()]), formatted("%.350f", &[f64::MAX.into()]));
    assert_eq!(formatted("%.350f", &[f64::MAX.into()]).len(), 309 + 1 + 350);
}

/// With 17 digits a double can be read back, whatever it is.
#[test]
fn round_trips() {
    let mut random = Random(2);
    for _ in 0..100_000 {
        let value = f64::from_bits(random.next());
        if value.is_finite() {
            let text = formatted("%.17g", &[value.into()]);
            assert_eq!(text.parse(), Ok(value), "{text}");
        }
    }
}

/// Away from ties the two ways of rounding agree, so C and Rust and ours print the same.
#[test]
fn like_the_standard_library() {
    let mut random = Random(3);
    for _ in 0..100_000 {
        let exponent = (random.next() % 40) as i32 - 20;
        let value = (random.next() >> 11) as f64 * 2f64.powi(exponent - 53);
        let precision = (random.next() % 9) as i32;
        if value != 0.0 {
            let text = formatted("%.*f", &[precision.into(), value.into()]);
            assert_eq!(text, format!("{value:.*}", precision as usize), "{value:e}");
        }
    }
}

/// From ten significant digits on, and for very large and small numbers, ties included.
#[test]
fn many_digits_like_the_standard_library() {
    let mut random = Random(5);
    for round in 0..100_000 {
        let bits = random.next();
        let value = match round % 4 {
            // Any double; ordinary ones; whole numbers and halves, so that ties happen.
            0 => f64::from_bits(bits),
            1 => (bits >> 11) as f64 / 2f64.powi((bits % 90) as i32),
            2 => (bits >> (bits % 64)) as f64,
            _ => (bits >> 20) as f64 / 2f64.powi((bits % 20) as i32),
        };
        if !value.is_finite() || value == 0.0 {
            continue;
        }
        let before_point = if value.abs() < 1.0 { 0 } else { value.abs().log10() as usize };
        let precision = 10usize.saturating_sub(before_point) + random.next() as usize % 20;
        let text = formatted("%.*f", &[(precision as i32).into(), value.into()]);
        assert_eq!(text, format!("{value:.precision$}"), "{value:e}");
        let precision = 10 + random.next() as usize % 20;
        let text = formatted("%.*g", &[(precision as i32).into(), value.into()]);
        let exact = format!("{value:.*e}", precision - 1);
        let digits = |text: &str| {
            let mantissa = text.split('e').next().unwrap_or_default();
            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
            digits.trim_start_matches('0').trim_end_matches('0').to_string()
        };
        assert_eq!(digits(&text), digits(&exact), "{value:e} {precision} {text}");
        assert_eq!(text.parse::<f64>(), exact.parse(), "{value:e} {precision} {text}");
    }
}

/// Small numbers are rounded exactly, whichever way computes them.
#[test]
fn small_numbers_like_the_standard_library() {
    let mut random = Random(4);
    for round in 0..100_000 {
        // From 2^-100 to 2^-3, below 0.1 mostly; every fourth has few bits, so that ties happen.
        let bits = if round % 4 == 0 { 0xfff << 40 } else { (1 << 52) - 1 };
        let exponent = 1023 - 3 - random.next() % 97;
        let value = f64::from_bits(exponent << 52 | random.next() & bits);
        if value >= 0.1 {
            continue;
        }
        let precision = (random.next() % 24) as i32;
        let text = formatted("%.*f", &[precision.into(), value.into()]);
        assert_eq!(text, format!("{value:.*}", precision as usize), "{value:e}");
        let precision = 1 + (random.next() % 18) as i32;
        let text = formatted("%.*g", &[precision.into(), (-value).into()]);
        let exact: f64 = format!("-{value:.*e}", precision as usize - 1).parse().unwrap();
        assert_eq!(text.parse(), Ok(exact), "{value:e} {text}");
        let digits = text.bytes().take_while(|&b| b != b'e').filter(u8::is_ascii_digit);
        assert!(digits.skip_while(|&b| b == b'0').count() <= precision as usize, "{text}");
    }
}
