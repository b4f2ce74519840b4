//! What programs ask for, as packets of the codec.
//!
//! Programs leave fields uninitialised that a call does not use: each function here reads the fields
//! of its own packet only, one by one.

use crate::abi::{MqttOpts, MqttProp};
use crate::codec::mqtt::{Connect, Disconnect, Kind, Property, Publish, Subscribe, Unsubscribe, Will, kind};
use crate::net::event_loop::view;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;

/// The protocol level of MQTT 3.1.1, for programs that do not name one.
const DEFAULT_LEVEL: u8 = 4;

/// Options of a program, valid for a call.
#[derive(Clone, Copy)]
pub struct MqttOptions<'a> {
    opts: *const MqttOpts,
    life: PhantomData<&'a MqttOpts>,
}

/// A program's array of properties.
#[derive(Clone, Copy)]
pub struct Props<'a> {
    at: *const MqttProp,
    left: usize,
    /// What follows them.
    more: Announced,
    life: PhantomData<&'a MqttProp>,
}

/// Properties of numbers, as ids and values; an id of 0 is none.
pub type Announced = [(u8, u32); 3];

impl Props<'_> {
    /// Adds properties that are not among them. Afterwards `announced` has the numbers of those that are.
    pub fn announce(mut self, announced: &mut Announced) -> Self {
        self.more = *announced;
        for property in (Props { more: Announced::default(), ..self }) {
            for (own, more) in
                announced.iter_mut().zip(&mut self.more).filter(|(own, _)| own.0 == property.id)
            {
                own.1 = property.number;
                more.0 = 0;
            }
        }
        self
    }

    /// Leaves out what is added with its default.
    pub fn without_defaults(mut self, defaults: &[u32; 3]) -> Self {
        for (more, default) in self.more.iter_mut().zip(defaults) {
            if more.1 == *default {
                more.0 = 0;
            }
        }
        self
    }

    /// `count` properties at `*at`, which is not looked at without any: programs leave it uninitialised.
    ///
    /// # Safety
    /// `*at` is NULL, or so many properties are there and stay while this is used.
    unsafe fn new(at: *const *mut MqttProp, count: usize) -> Self {
        let none = Props { at: ptr::null(), left: 0, more: Announced::default(), life: PhantomData };
        if count == 0 {
            return none;
        }
        // SAFETY: the caller vouches for the address.
        let at = unsafe { *at };
        if at.is_null() { none } else { Props { at, left: count, ..none } }
    }
}

impl<'a> Iterator for Props<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        if self.left == 0 {
            let more = self.more.iter_mut().find(|more| more.0 != 0)?;
            let (id, number) = core::mem::take(more);
            return Some(Property { id, number, ..Property::default() });
        }
        self.left -= 1;
        // SAFETY: whoever made this vouched for the array; of each property the fields are read that
        // its kind has.
        unsafe {
            let at = self.at;
            self.at = at.add(1);
            let mut property = Property { id: (*at).id, ..Property::default() };
            match kind(property.id) {
                None => {}
                Some(Kind::Byte | Kind::Short | Kind::Int | Kind::Varint) => property.number = (*at).iv,
                Some(Kind::Bytes) => property.value = view::bytes((*at).val),
                Some(Kind::Pair) => {
                    property.key = view::bytes((*at).key);
                    property.value = view::bytes((*at).val);
                }
            }
            Some(property)
        }
    }
}

impl<'a> MqttOptions<'a> {
    /// `None` for NULL.
    ///
    /// # Safety
    /// `opts` is NULL or points to options; while this is used, the fields of the packets that are made
    /// of it are valid, and so is what they point to.
    pub unsafe fn new(opts: *const MqttOpts) -> Option<Self> {
        (!opts.is_null()).then_some(MqttOptions { opts, life: PhantomData })
    }

    /// Other options in place of NULL.
    ///
    /// # Safety
    /// As for [`MqttOptions::new`], of both.
    pub unsafe fn or(opts: *const MqttOpts, other: &'a MaybeUninit<MqttOpts>) -> Self {
        MqttOptions { opts: if opts.is_null() { other.as_ptr() } else { opts }, life: PhantomData }
    }

    fn properties(self, v5: bool) -> Option<Props<'a>> {
        // SAFETY: whoever made this vouched for the fields.
        v5.then(|| unsafe { Props::new(&raw const (*self.opts).props, (*self.opts).num_props) })
    }

    /// CONNECT; `random_id` takes the place of an empty client id.
    pub fn connect(self, random_id: &'a [u8]) -> Connect<'a, Props<'a>> {
        let o = self.opts;
        // SAFETY: whoever made this vouched for the fields.
        unsafe {
            let (id, topic) = (view::bytes((*o).client_id), view::bytes((*o).topic));
            let mut connect = Connect {
                level: if (*o).version == 0 { DEFAULT_LEVEL } else { (*o).version },
                clean: (*o).clean != 0,
                keepalive: (*o).keepalive,
                properties: None,
                client_id: if id.is_empty() { random_id } else { id },
                will_qos: (*o).qos,
                will_retain: (*o).retain != 0,
                will: None,
                user: view::bytes((*o).user),
                password: view::bytes((*o).pass),
            };
            connect.properties = self.properties(connect.is_v5());
            connect.will = (!topic.is_empty()).then(|| Will {
                properties: connect
                    .is_v5()
                    .then(|| Props::new(&raw const (*o).will_props, (*o).num_will_props)),
                topic,
                message: view::bytes((*o).message),
            });
            connect
        }
    }

    /// PUBLISH, with `new_id` unless it is sent again.
    pub fn publish(self, v5: bool, new_id: u16) -> Publish<'a, Props<'a>> {
        let o = self.opts;
        // SAFETY: whoever made this vouched for the fields.
        let mut publish = unsafe {
            Publish {
                qos: (*o).qos,
                retain: (*o).retain != 0,
                again: false,
                id: new_id,
                topic: view::bytes((*o).topic),
                properties: self.properties(v5),
                data: view::bytes((*o).message),
            }
        };
        if publish.has_id() && self.retransmit_id() != 0 {
            (publish.again, publish.id) = (true, self.retransmit_id());
        }
        publish
    }

    /// The id of a message that is sent again; with QoS 0 it may be anything.
    pub fn retransmit_id(self) -> u16 {
        // SAFETY: whoever made this vouched for the field.
        unsafe { (*self.opts).retransmit_id }
    }

    /// The filter of SUBSCRIBE and UNSUBSCRIBE.
    pub fn filter(self) -> &'a [u8] {
        // SAFETY: whoever made this vouched for the field.
        unsafe { view::bytes((*self.opts).topic) }
    }

    /// SUBSCRIBE.
    pub fn subscribe(self, v5: bool, id: u16) -> Subscribe<'a, Props<'a>> {
        // SAFETY: whoever made this vouched for the fields.
        let qos = unsafe { (*self.opts).qos };
        Subscribe { id, properties: self.properties(v5), filter: self.filter(), qos }
    }

    /// UNSUBSCRIBE.
    pub fn unsubscribe(self, v5: bool, id: u16) -> Unsubscribe<'a, Props<'a>> {
        Unsubscribe { id, properties: self.properties(v5), filter: self.filter() }
    }

    /// DISCONNECT.
    pub fn disconnect(self, v5: bool) -> Disconnect<Props<'a>> {
        Disconnect { properties: self.properties(v5) }
    }
}
