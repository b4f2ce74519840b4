//! Firmware updates, Wi-Fi and Ethernet hardware: types for programs shared with devices.

use super::core::Str;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// State of the firmware that is running.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtaState {
    /// Confirmed.
    MG_OTA_CONFIRMED = 0,
    /// New, on trial.
    MG_OTA_TESTING = 1,
    /// Did not work.
    MG_OTA_FAILED = 2,
    /// The previous one again, after a failure.
    MG_OTA_ROLLEDBACK = 3,
}

enum_constants!(OtaState as c_int: MG_OTA_CONFIRMED, MG_OTA_TESTING, MG_OTA_FAILED, MG_OTA_ROLLEDBACK);

/// Open network.
pub const MG_WIFI_SECURITY_OPEN: u8 = 0;
/// WEP.
pub const MG_WIFI_SECURITY_WEP: u8 = 1;
/// WPA.
pub const MG_WIFI_SECURITY_WPA: u8 = 2;
/// WPA2.
pub const MG_WIFI_SECURITY_WPA2: u8 = 4;
/// WPA3.
pub const MG_WIFI_SECURITY_WPA3: u8 = 8;
/// WPA enterprise.
pub const MG_WIFI_SECURITY_WPA_ENTERPRISE: u8 = 16;
/// WPA2 enterprise.
pub const MG_WIFI_SECURITY_WPA2_ENTERPRISE: u8 = 32;
/// WPA3 enterprise.
pub const MG_WIFI_SECURITY_WPA3_ENTERPRISE: u8 = 64;
/// 2.4 GHz.
pub const MG_WIFI_BAND_2G: u8 = 0;
/// 5 GHz.
pub const MG_WIFI_BAND_5G: u8 = 1;

/// Wi-Fi settings.
#[repr(C)]
#[derive(Debug)]
pub struct WifiData {
    /// Network to join.
    pub ssid: *mut c_char,
    /// Its password.
    pub pass: *mut c_char,
    /// Name of the own access point.
    pub apssid: *mut c_char,
    /// Its password.
    pub appass: *mut c_char,
    /// Its IPv4 address, in network order.
    pub apip: u32,
    /// Its network mask.
    pub apmask: u32,
    /// `MG_WIFI_SECURITY_*` of the network to join.
    pub security: u8,
    /// `MG_WIFI_SECURITY_*` of the own access point.
    pub apsecurity: u8,
    /// Channel of the own access point.
    pub apchannel: u8,
    /// Be an access point.
    pub apmode: bool,
}

/// One network that a Wi-Fi scan found.
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case)]
pub struct WifiScanBss {
    /// Name.
    pub SSID: Str,
    /// Address of the access point.
    pub BSSID: *mut c_char,
    /// Signal strength in dBm.
    pub RSSI: i16,
    /// `MG_WIFI_SECURITY_*`.
    pub security: u8,
    /// Channel.
    pub channel: u8,
    /// `MG_WIFI_BAND_*`.
    /// cbindgen:bitfield=2
    #[cfg(cbindgen)]
    pub band: c_uint,
    /// Speaks 802.11n.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub has_n: c_uint,
    /// Speaks 802.11ac.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub has_ac: c_uint,
    /// Speaks 802.11ax.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub has_ax: c_uint,
    /// Bits: 2 for the band (`MG_WIFI_BAND_*`), then one each for 802.11n, ac, ax.
    #[cfg(not(cbindgen))]
    pub flags: c_uint,
}

/// A modem that is driven by AT commands.
#[repr(C)]
#[derive(Debug)]
pub struct AtcmdDriver {
    /// The serial port.
    pub usart: *mut c_void,
    /// Resets the modem.
    pub reset: Option<unsafe extern "C" fn(usart: *mut c_void)>,
    /// Sends a byte.
    pub tx: Option<unsafe extern "C" fn(usart: *mut c_void, byte: u8)>,
    /// Receives a byte.
    pub rx: Option<unsafe extern "C" fn(usart: *mut c_void) -> c_int>,
    /// Commands.
    pub script: *mut *const c_char,
    /// Next command.
    pub script_index: c_int,
    /// Until when to wait for the answer.
    pub deadline: u64,
    /// Do not escape bytes.
    pub no_byte_stuff: bool,
    /// The link is up.
    pub link: bool,
    /// Inside an escape.
    pub unstuffing: bool,
}

/// Settings of an Ethernet PHY.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhyConfig {
    /// The LEDs are active high.
    MG_PHY_LEDS_ACTIVE_HIGH = 1,
    /// The PHY gives the clock to the MAC.
    MG_PHY_CLOCKS_MAC = 2,
}

enum_constants!(PhyConfig as u8: MG_PHY_LEDS_ACTIVE_HIGH, MG_PHY_CLOCKS_MAC);

/// Speed of an Ethernet link.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhySpeed {
    /// 10 Mbit/s.
    MG_PHY_SPEED_10M = 0,
    /// 100 Mbit/s.
    MG_PHY_SPEED_100M = 1,
    /// 1 Gbit/s.
    MG_PHY_SPEED_1000M = 2,
}

enum_constants!(PhySpeed as u8: MG_PHY_SPEED_10M, MG_PHY_SPEED_100M, MG_PHY_SPEED_1000M);

/// Access to the registers of an Ethernet PHY.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Phy {
    /// Reads a register.
    pub read_reg: Option<unsafe extern "C" fn(addr: u8, reg: u8) -> u16>,
    /// Writes a register.
    pub write_reg: Option<unsafe extern "C" fn(addr: u8, reg: u8, value: u16)>,
}

/// Version of the firmware that the library was built for.
/// cbindgen:ignore
pub const MG_OTA_FIRMWARE_VERSION: &[u8] = b"1.0.0";
/// Seconds between two looks for an update.
/// cbindgen:ignore
pub const MG_OTA_PULL_INTERVAL_SECONDS: u32 = 60;
