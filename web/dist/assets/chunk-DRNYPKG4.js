var we,w,nn,Le,z,Ye,tn,rn,Ie,ve,ie,on,Ue,Re,Fe,Zn,ge={},be=[],Xn=/acit|ex(?:s|g|n|p|$)|rph|grid|ows|mnc|ntw|ine[ch]|zoo|^ord|itera/i,Se=Array.isArray;function B(e,n){for(var t in n)e[t]=n[t];return e}function qe(e){e&&e.parentNode&&e.parentNode.removeChild(e)}function Oe(e,n,t){var r,i,o,s={};for(o in n)o=="key"?r=n[o]:o=="ref"?i=n[o]:s[o]=n[o];if(arguments.length>2&&(s.children=arguments.length>3?we.call(arguments,2):t),typeof e=="function"&&e.defaultProps!=null)for(o in e.defaultProps)s[o]===void 0&&(s[o]=e.defaultProps[o]);return ye(e,s,r,i,null)}function ye(e,n,t,r,i){var o={type:e,props:n,key:t,ref:r,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:i??++nn,__i:-1,__u:0};return i==null&&w.vnode!=null&&w.vnode(o),o}function H(e){return e.children}function ne(e,n){this.props=e,this.context=n}function Q(e,n){if(n==null)return e.__?Q(e.__,e.__i+1):null;for(var t;n<e.__k.length;n++)if((t=e.__k[n])!=null&&t.__e!=null)return t.__e;return typeof e.type=="function"?Q(e):null}function et(e){if(e.__P&&e.__d){var n=e.__v,t=n.__e,r=[],i=[],o=B({},n);o.__v=n.__v+1,w.vnode&&w.vnode(o),je(e.__P,o,n,e.__n,e.__P.namespaceURI,32&n.__u?[t]:null,r,t??Q(n),!!(32&n.__u),i),o.__v=n.__v,o.__.__k[o.__i]=o,ln(r,o,i),n.__e=n.__=null,o.__e!=t&&an(o)}}function an(e){if((e=e.__)!=null&&e.__c!=null)return e.__e=e.__c.base=null,e.__k.some(function(n){if(n!=null&&n.__e!=null)return e.__e=e.__c.base=n.__e}),an(e)}function Ze(e){(!e.__d&&(e.__d=!0)&&z.push(e)&&!xe.__r++||Ye!=w.debounceRendering)&&((Ye=w.debounceRendering)||tn)(xe)}function xe(){try{for(var e,n=1;z.length;)z.length>n&&z.sort(rn),e=z.shift(),n=z.length,et(e)}finally{z.length=xe.__r=0}}function sn(e,n,t,r,i,o,s,u,d,c,f){var _,a,l,b,g,m,v=r&&r.__k||be,p=n.length;for(d=nt(t,n,v,d,p),_=0;_<p;_++)(l=t.__k[_])!=null&&(a=l.__i!=-1&&v[l.__i]||ge,l.__i=_,m=je(e,l,a,i,o,s,u,d,c,f),b=l.__e,l.ref&&a.ref!=l.ref&&(a.ref&&Be(a.ref,null,l),f.push(l.ref,l.__c||b,l)),g==null&&b!=null&&(g=b),4&l.__u?(d=cn(l,d,e),a.__e&&(a.__e=null)):typeof l.type=="function"&&m!==void 0?d=m:b&&(d=b.nextSibling),l.__u&=-7);return t.__e=g,d}function nt(e,n,t,r,i){var o,s,u,d,c,f=t.length,_=f,a=0;for(e.__k=new Array(i),o=0;o<i;o++)(s=n[o])!=null&&typeof s!="boolean"&&typeof s!="function"?(typeof s=="string"||typeof s=="number"||typeof s=="bigint"||s.constructor==String?s=e.__k[o]=ye(null,s,null,null,null):Se(s)?s=e.__k[o]=ye(H,{children:s},null,null,null):s.constructor===void 0&&s.__b>0?s=e.__k[o]=ye(s.type,s.props,s.key,s.ref?s.ref:null,s.__v):e.__k[o]=s,d=o+a,s.__=e,s.__b=e.__b+1,u=null,(c=s.__i=tt(s,t,d,_))!=-1&&(_--,(u=t[c])&&(u.__u|=2)),u==null||u.__v==null?(c==-1&&(i>f?a--:i<f&&a++),typeof s.type!="function"&&(s.__u|=4)):c!=d&&(c==d-1?a--:c==d+1?a++:(c>d?a--:a++,s.__u|=4))):e.__k[o]=null;if(_)for(o=0;o<f;o++)(u=t[o])!=null&&(2&u.__u)==0&&(u.__e==r&&(r=Q(u)),dn(u,u));return r}function cn(e,n,t){var r,i;if(typeof e.type=="function"){for(r=e.__k,i=0;r&&i<r.length;i++)r[i]&&(r[i].__=e,n=cn(r[i],n,t));return n}e.__e!=n&&(n&&e.type&&!n.parentNode&&(n=Q(e)),n=t.insertBefore(e.__e,n||null));do n=n&&n.nextSibling;while(n!=null&&n.nodeType==8);return n}function tt(e,n,t,r){var i,o,s,u=e.key,d=e.type,c=n[t],f=c!=null&&(2&c.__u)==0;if(c===null&&u==null||f&&u==c.key&&d==c.type)return t;if(r>(f?1:0)){for(i=t-1,o=t+1;i>=0||o<n.length;)if((c=n[s=i>=0?i--:o++])!=null&&(2&c.__u)==0&&u==c.key&&d==c.type)return s}return-1}function Xe(e,n,t){n[0]=="-"?e.setProperty(n,t??""):e[n]=t==null?"":typeof t!="number"||Xn.test(n)?t:t+"px"}function me(e,n,t,r,i){var o,s;e:if(n=="style")if(typeof t=="string")e.style.cssText=t;else{if(typeof r=="string"&&(e.style.cssText=r=""),r)for(n in r)t&&n in t||Xe(e.style,n,"");if(t)for(n in t)r&&t[n]==r[n]||Xe(e.style,n,t[n])}else if(n[0]=="o"&&n[1]=="n")o=n!=(n=n.replace(on,"$1")),s=n.toLowerCase(),n=s in e||n=="onFocusOut"||n=="onFocusIn"?s.slice(2):n.slice(2),e.l||(e.l={}),e.l[n+o]=t,t?r?t[ie]=r[ie]:(t[ie]=Ue,e.addEventListener(n,o?Fe:Re,o)):e.removeEventListener(n,o?Fe:Re,o);else{if(i=="http://www.w3.org/2000/svg")n=n.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(n!="width"&&n!="height"&&n!="href"&&n!="list"&&n!="form"&&n!="tabIndex"&&n!="download"&&n!="rowSpan"&&n!="colSpan"&&n!="role"&&n!="popover"&&n in e)try{e[n]=t??"";break e}catch{}typeof t=="function"||(t==null||t===!1&&n[4]!="-"?e.removeAttribute(n):e.setAttribute(n,n=="popover"&&t==1?"":t))}}function en(e){return function(n){if(this.l){var t=this.l[n.type+e];if(n[ve]==null)n[ve]=Ue++;else if(n[ve]<t[ie])return;return t(w.event?w.event(n):n)}}}function je(e,n,t,r,i,o,s,u,d,c){var f,_,a,l,b,g,m,v,p,x,$,L,W,S,M,y,h=n.type;if(n.constructor!==void 0)return null;128&t.__u&&(d=!!(32&t.__u),o=[u=n.__e=t.__e]),(f=w.__b)&&f(n);e:if(typeof h=="function"){_=s.length;try{if(p=n.props,x=h.prototype&&h.prototype.render,$=(f=h.contextType)&&r[f.__c],L=f?$?$.props.value:f.__:r,t.__c?v=(a=n.__c=t.__c).__=a.__E:(x?n.__c=a=new h(p,L):(n.__c=a=new ne(p,L),a.constructor=h,a.render=ot),$&&$.sub(a),a.state||(a.state={}),a.__n=r,l=a.__d=!0,a.__h=[],a._sb=[]),x&&a.__s==null&&(a.__s=a.state),x&&h.getDerivedStateFromProps!=null&&(a.__s==a.state&&(a.__s=B({},a.__s)),B(a.__s,h.getDerivedStateFromProps(p,a.__s))),b=a.props,g=a.state,a.__v=n,l)x&&h.getDerivedStateFromProps==null&&a.componentWillMount!=null&&a.componentWillMount(),x&&a.componentDidMount!=null&&a.__h.push(a.componentDidMount);else{if(x&&h.getDerivedStateFromProps==null&&p!==b&&a.componentWillReceiveProps!=null&&a.componentWillReceiveProps(p,L),n.__v==t.__v||!a.__e&&a.shouldComponentUpdate!=null&&a.shouldComponentUpdate(p,a.__s,L)===!1){n.__v!=t.__v&&(a.props=p,a.state=a.__s,a.__d=!1),n.__e=t.__e,n.__k=t.__k,n.__k.some(function(I){I&&(I.__=n)}),be.push.apply(a.__h,a._sb),a._sb=[],a.__h.length&&s.push(a),u=Q(t);break e}a.componentWillUpdate!=null&&a.componentWillUpdate(p,a.__s,L),x&&a.componentDidUpdate!=null&&a.__h.push(function(){a.componentDidUpdate(b,g,m)})}if(a.context=L,a.props=p,a.__P=e,a.__e=!1,W=w.__r,S=0,x)a.state=a.__s,a.__d=!1,W&&W(n),f=a.render(a.props,a.state,a.context),be.push.apply(a.__h,a._sb),a._sb=[];else do a.__d=!1,W&&W(n),f=a.render(a.props,a.state,a.context),a.state=a.__s;while(a.__d&&++S<25);a.state=a.__s,a.getChildContext!=null&&(r=B(B({},r),a.getChildContext())),x&&!l&&a.getSnapshotBeforeUpdate!=null&&(m=a.getSnapshotBeforeUpdate(b,g)),M=f!=null&&f.type===H&&f.key==null?fn(f.props.children):f,u=sn(e,Se(M)?M:[M],n,t,r,i,o,s,u,d,c),a.base=n.__e,n.__u&=-161,a.__h.length&&s.push(a),v&&(a.__E=a.__=null)}catch(I){if(s.length=_,n.__v=null,d||o!=null){if(I.then){for(n.__u|=d?160:128;u&&u.nodeType==8&&u.nextSibling;)u=u.nextSibling;o!=null&&(o[o.indexOf(u)]=null),n.__e=u}else if(o!=null)for(y=o.length;y--;)qe(o[y])}else n.__e=t.__e;n.__k==null&&(n.__k=t.__k||[]),I.then||un(n),w.__e(I,n,t)}}else o==null&&n.__v==t.__v?(n.__k=t.__k,n.__e=t.__e):u=n.__e=rt(t.__e,n,t,r,i,o,s,d,c);return(f=w.diffed)&&f(n),128&n.__u?void 0:u}function un(e){e&&(e.__c&&(e.__c.__e=!0),e.__k&&e.__k.some(un))}function ln(e,n,t){for(var r=0;r<t.length;r++)Be(t[r],t[++r],t[++r]);w.__c&&w.__c(n,e),e.some(function(i){try{e=i.__h,i.__h=[],e.some(function(o){o.call(i)})}catch(o){w.__e(o,i.__v)}})}function fn(e){return typeof e!="object"||e==null||e.__b>0?e:Se(e)?e.map(fn):e.constructor!==void 0?null:B({},e)}function rt(e,n,t,r,i,o,s,u,d){var c,f,_,a,l,b,g,m=t.props||ge,v=n.props,p=n.type;if(p=="svg"?i="http://www.w3.org/2000/svg":p=="math"?i="http://www.w3.org/1998/Math/MathML":i||(i="http://www.w3.org/1999/xhtml"),o!=null){for(c=0;c<o.length;c++)if((l=o[c])&&"setAttribute"in l==!!p&&(p?l.localName==p:l.nodeType==3)){e=l,o[c]=null;break}}if(e==null){if(p==null)return document.createTextNode(v);e=document.createElementNS(i,p,v.is&&v),u&&(w.__m&&w.__m(n,o),u=!1),o=null}if(p==null)m===v||u&&e.data==v||(e.data=v);else{if(o=p=="textarea"&&v.defaultValue!=null?null:o&&we.call(e.childNodes),!u&&o!=null)for(m={},c=0;c<e.attributes.length;c++)m[(l=e.attributes[c]).name]=l.value;for(c in m)l=m[c],c=="dangerouslySetInnerHTML"?_=l:c=="children"||c in v||c=="value"&&"defaultValue"in v||c=="checked"&&"defaultChecked"in v||me(e,c,null,l,i);for(c in v)l=v[c],c=="children"?a=l:c=="dangerouslySetInnerHTML"?f=l:c=="value"?b=l:c=="checked"?g=l:u&&typeof l!="function"||m[c]===l||me(e,c,l,m[c],i);if(f)u||_&&(f.__html==_.__html||f.__html==e.innerHTML)||(e.innerHTML=f.__html),n.__k=[];else if(_&&(e.innerHTML=""),sn(n.type=="template"?e.content:e,Se(a)?a:[a],n,t,r,p=="foreignObject"?"http://www.w3.org/1999/xhtml":i,o,s,o?o[0]:t.__k&&Q(t,0),u,d),o!=null)for(c=o.length;c--;)qe(o[c]);u&&p!="textarea"||(c="value",p=="progress"&&b==null?e.removeAttribute("value"):b!=null&&(b!==e[c]||p=="progress"&&!b||p=="option"&&b!=m[c])&&me(e,c,b,m[c],i),c="checked",g!=null&&g!=e[c]&&me(e,c,g,m[c],i))}return e}function Be(e,n,t){try{if(typeof e=="function"){var r=typeof e.__u=="function";r&&e.__u(),r&&n==null||(e.__u=e(n))}else e.current=n}catch(i){w.__e(i,t)}}function dn(e,n,t){var r,i;if(w.unmount&&w.unmount(e),(r=e.ref)&&(r.current&&r.current!=e.__e||Be(r,null,n)),(r=e.__c)!=null){if(r.componentWillUnmount)try{r.componentWillUnmount()}catch(o){w.__e(o,n)}r.base=r.__P=r.__n=null}if(r=e.__k)for(i=0;i<r.length;i++)r[i]&&dn(r[i],n,t||typeof e.type!="function");t||qe(e.__e),e.__c=e.__=e.__e=void 0}function ot(e,n,t){return this.constructor(e,t)}function Mt(e,n,t){var r,i,o,s;n==document&&(n=document.documentElement),w.__&&w.__(e,n),i=(r=typeof t=="function")?null:t&&t.__k||n.__k,o=[],s=[],je(n,e=(!r&&t||n).__k=Oe(H,null,[e]),i||ge,ge,n.namespaceURI,!r&&t?[t]:i?null:n.firstChild?we.call(n.childNodes):null,o,!r&&t?t:i?i.__e:n.firstChild,r,s),ln(o,e,s),e.props.children=null}we=be.slice,w={__e:function(e,n,t,r){for(var i,o,s;n=n.__;)if((i=n.__c)&&!i.__)try{if((o=i.constructor)&&o.getDerivedStateFromError!=null&&(i.setState(o.getDerivedStateFromError(e)),s=i.__d),i.componentDidCatch!=null&&(i.componentDidCatch(e,r||{}),s=i.__d),s)return i.__E=i}catch(u){e=u}throw e}},nn=0,Le=function(e){return e!=null&&e.constructor===void 0},ne.prototype.setState=function(e,n){var t;t=this.__s!=null&&this.__s!=this.state?this.__s:this.__s=B({},this.state),typeof e=="function"&&(e=e(B({},t),this.props)),e&&B(t,e),e!=null&&this.__v&&(n&&this._sb.push(n),Ze(this))},ne.prototype.forceUpdate=function(e){this.__v&&(this.__e=!0,e&&this.__h.push(e),Ze(this))},ne.prototype.render=H,z=[],tn=typeof Promise=="function"?Promise.prototype.then.bind(Promise.resolve()):setTimeout,rn=function(e,n){return e.__v.__b-n.__v.__b},xe.__r=0,Ie=Math.random().toString(8),ve="__d"+Ie,ie="__a"+Ie,on=/(PointerCapture)$|Capture$/i,Ue=0,Re=en(!1),Fe=en(!0),Zn=0;var it=0,Et=Array.isArray;function k(e,n,t,r,i,o){n||(n={});var s,u,d=n;if("ref"in d)for(u in d={},n)u=="ref"?s=n[u]:d[u]=n[u];var c={type:e,props:d,key:t,ref:s,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:--it,__i:-1,__u:0,__source:i,__self:o};if(typeof e=="function"&&(s=e.defaultProps))for(u in s)d[u]===void 0&&(d[u]=s[u]);return w.vnode&&w.vnode(c),c}var ae,P,He,_n,se=0,xn=[],A=w,pn=A.__b,hn=A.__r,mn=A.diffed,vn=A.__c,yn=A.unmount,gn=A.__;function We(e,n){A.__h&&A.__h(P,e,se||n),se=0;var t=P.__H||(P.__H={__:[],__h:[]});return e>=t.__.length&&t.__.push({}),t.__[e]}function wn(e){return se=1,at(kn,e)}function at(e,n,t){var r=We(ae++,2);if(r.t=e,!r.__c&&(r.__=[t?t(n):kn(void 0,n),function(u){var d=r.__N?r.__N[0]:r.__[0],c=r.t(d,u);d!==c&&(r.__N=[c,r.__[1]],r.__c.setState({}))}],r.__c=P,!P.__f)){var i=function(u,d,c){if(!r.__c.__H)return!0;var f=!1,_=r.__c.props!==u;if(r.__c.__H.__.some(function(l){if(l.__N){f=!0;var b=l.__[0];l.__=l.__N,l.__N=void 0,b!==l.__[0]&&(_=!0)}}),o){var a=o.call(this,u,d,c);return f?a||_:a}return!f||_};P.__f=!0;var o=P.shouldComponentUpdate,s=P.componentWillUpdate;P.componentWillUpdate=function(u,d,c){if(this.__e){var f=o;o=void 0,i(u,d,c),o=f}s&&s.call(this,u,d,c)},P.shouldComponentUpdate=i}return r.__N||r.__}function Ke(e,n){var t=We(ae++,3);!A.__s&&Sn(t.__H,n)&&(t.__=e,t.u=n,P.__H.__h.push(t))}function st(e){return se=5,ce(function(){return{current:e}},[])}function ce(e,n){var t=We(ae++,7);return Sn(t.__H,n)&&(t.__=e(),t.__H=n,t.__h=e),t.__}function Nt(e,n){return se=8,ce(function(){return e},n)}function ct(){for(var e;e=xn.shift();){var n=e.__H;if(e.__P&&n)try{n.__h.some(ke),n.__h.some(Ge),n.__h=[]}catch(t){n.__h=[],A.__e(t,e.__v)}}}A.__b=function(e){P=null,pn&&pn(e)},A.__=function(e,n){e&&n.__k&&n.__k.__m&&(e.__m=n.__k.__m),gn&&gn(e,n)},A.__r=function(e){hn&&hn(e),ae=0;var n=(P=e.__c).__H;n&&(He===P?(n.__h=[],P.__h=[],n.__.some(function(t){t.__N&&(t.__=t.__N),t.u=t.__N=void 0})):(n.__h.some(ke),n.__h.some(Ge),n.__h=[],ae=0)),He=P},A.diffed=function(e){mn&&mn(e);var n=e.__c;n&&n.__H&&(n.__H.__h.length&&(xn.push(n)!==1&&_n===A.requestAnimationFrame||((_n=A.requestAnimationFrame)||ut)(ct)),n.__H.__.some(function(t){t.u&&(t.__H=t.u,t.u=void 0)})),He=P=null},A.__c=function(e,n){n.some(function(t){try{t.__h.some(ke),t.__h=t.__h.filter(function(r){return!r.__||Ge(r)})}catch(r){n.some(function(i){i.__h&&(i.__h=[])}),n=[],A.__e(r,t.__v)}}),vn&&vn(e,n)},A.unmount=function(e){yn&&yn(e);var n,t=e.__c;t&&t.__H&&(t.__H.__.some(function(r){try{ke(r)}catch(i){n=i}}),t.__H=void 0,n&&A.__e(n,t.__v))};var bn=typeof requestAnimationFrame=="function";function ut(e){var n,t=function(){clearTimeout(r),bn&&cancelAnimationFrame(n),setTimeout(e)},r=setTimeout(t,35);bn&&(n=requestAnimationFrame(t))}function ke(e){var n=P,t=e.__c;typeof t=="function"&&(e.__c=void 0,t()),P=n}function Ge(e){var n=P;e.__c=e.__(),P=n}function Sn(e,n){return!e||e.length!==n.length||n.some(function(t,r){return t!==e[r]})}function kn(e,n){return typeof n=="function"?n(e):n}var lt=Symbol.for("preact-signals");function Ee(){if(G>1)G--;else{var e,n=!1;for(function(){var i=Ce;for(Ce=void 0;i!==void 0;){var o=i.S;if(o.v===i.v)for(var s=o.t;s!==void 0;s=s.x)s.i===i.i&&(s.i=o.i);i=i.o}}();le!==void 0;){var t=le;for(le=void 0,Me++;t!==void 0;){var r=t.u;if(t.u=void 0,t.f&=-3,!(8&t.f)&&Cn(t))try{t.c()}catch(i){n||(e=i,n=!0)}t=r}}if(Me=0,G--,n)throw e}}function ze(e){if(G>0)return e();Ve=++ft,G++;try{return e()}finally{Ee()}}var ue,C=void 0;function fe(e){var n=C,t=ue;C=void 0,ue=void 0;try{return e()}finally{C=n,ue=t}}var le=void 0,G=0,Me=0,ft=0,Ve=0,Ce=void 0,$e=0;function Mn(e){if(C!==void 0){var n=e.n;if(n===void 0||n.t!==C)return n={i:0,S:e,p:C.s,n:void 0,t:C,e:void 0,x:void 0,r:n},C.s!==void 0&&(C.s.n=n),C.s=n,e.n=n,32&C.f&&e.S(n),n;if(n.i===-1)return n.i=0,n.n!==void 0&&(n.n.p=n.p,n.p!==void 0&&(n.p.n=n.n),n.p=C.s,n.n=void 0,C.s.n=n,C.s=n),n}}function D(e,n){this.v=e,this.i=0,this.n=void 0,this.t=void 0,this.l=0,this.W=n?.watched,this.Z=n?.unwatched,this.name=n?.name}D.prototype.brand=lt;D.prototype.h=function(){return!0};D.prototype.S=function(e){var n=this,t=this.t;t!==e&&e.e===void 0&&(e.x=t,this.t=e,t!==void 0?t.e=e:fe(function(){var r;(r=n.W)==null||r.call(n)}))};D.prototype.U=function(e){var n=this;if(this.t!==void 0){var t=e.e,r=e.x;t!==void 0&&(t.x=r,e.e=void 0),r!==void 0&&(r.e=t,e.x=void 0),e===this.t&&(this.t=r,r===void 0&&fe(function(){var i;(i=n.Z)==null||i.call(n)}))}};D.prototype.subscribe=function(e){var n=this;return Z(function(){var t=n.value;fe(function(){return e(t)})},{name:"sub"})};D.prototype.valueOf=function(){return this.value};D.prototype.toString=function(){return this.value+""};D.prototype.toJSON=function(){return this.value};D.prototype.peek=function(){var e=this;return fe(function(){return e.value})};Object.defineProperty(D.prototype,"value",{get:function(){var e=Mn(this);return e!==void 0&&(e.i=this.i),this.v},set:function(e){if(e!==this.v){if(Me>100)throw new Error("Cycle detected");(function(t){G!==0&&Me===0&&t.l!==Ve&&(t.l=Ve,Ce={S:t,v:t.v,i:t.i,o:Ce})})(this),this.v=e,this.i++,$e++,G++;try{for(var n=this.t;n!==void 0;n=n.x)n.t.N()}finally{Ee()}}}});function J(e,n){return new D(e,n)}function Cn(e){for(var n=e.s;n!==void 0;n=n.n)if(n.S.i!==n.i||!n.S.h()||n.S.i!==n.i)return!0;return!1}function $n(e){for(var n=e.s;n!==void 0;n=n.n){var t=n.S.n;if(t!==void 0&&(n.r=t),n.S.n=n,n.i=-1,n.n===void 0){e.s=n;break}}}function En(e){for(var n=e.s,t=void 0;n!==void 0;){var r=n.p;n.i===-1?(n.S.U(n),r!==void 0&&(r.n=n.n),n.n!==void 0&&(n.n.p=r)):t=n,n.S.n=n.r,n.r!==void 0&&(n.r=void 0),n=r}e.s=t}function Y(e,n){D.call(this,void 0,n),this.x=e,this.s=void 0,this.g=$e-1,this.f=4}Y.prototype=new D;Y.prototype.h=function(){if(this.f&=-3,1&this.f)return!1;if((36&this.f)==32||(this.f&=-5,this.g===$e))return!0;if(this.g=$e,this.f|=1,this.i>0&&!Cn(this))return this.f&=-2,!0;var e=C;try{$n(this),C=this;var n=this.x();(16&this.f||this.v!==n||this.i===0)&&(this.v=n,this.f&=-17,this.i++)}catch(t){this.v=t,this.f|=16,this.i++}return C=e,En(this),this.f&=-2,!0};Y.prototype.S=function(e){if(this.t===void 0){this.f|=36;for(var n=this.s;n!==void 0;n=n.n)n.S.S(n)}D.prototype.S.call(this,e)};Y.prototype.U=function(e){if(this.t!==void 0&&(D.prototype.U.call(this,e),this.t===void 0)){this.f&=-33;for(var n=this.s;n!==void 0;n=n.n)n.S.U(n)}};Y.prototype.N=function(){if(!(2&this.f)){this.f|=6;for(var e=this.t;e!==void 0;e=e.x)e.t.N()}};Object.defineProperty(Y.prototype,"value",{get:function(){if(1&this.f)throw new Error("Cycle detected");var e=Mn(this);if(this.h(),e!==void 0&&(e.i=this.i),16&this.f)throw this.v;return this.v}});function Pe(e,n){return new Y(e,n)}function Pn(e){var n=e.j;if(e.j=void 0,typeof n=="function"){G++;var t=C;C=void 0;try{n()}catch(r){throw e.f&=-2,e.f|=8,Je(e),r}finally{C=t,Ee()}}}function Je(e){for(var n=e.s;n!==void 0;n=n.n)n.S.U(n);e.x=void 0,e.s=void 0,Pn(e)}function dt(e){if(C!==this)throw new Error("Out-of-order effect");En(this),C=e,this.f&=-2;try{8&this.f&&Je(this)}finally{Ee()}}function te(e,n){this.x=e,this.j=void 0,this.s=void 0,this.u=void 0,this.f=32,this.name=n?.name,ue&&ue.push(this)}te.prototype.c=function(){var e=this.S();try{if(8&this.f||this.x===void 0)return;var n=this.x();typeof n=="function"&&(this.j=n)}finally{e()}};te.prototype.S=function(){if(1&this.f)throw new Error("Cycle detected");this.f|=1,this.f&=-9,Pn(this),$n(this),G++;var e=C;return C=this,dt.bind(this,e)};te.prototype.N=function(){2&this.f||(this.f|=2,this.u=le,le=this)};te.prototype.d=function(){this.f|=8,1&this.f||Je(this)};te.prototype.dispose=function(){this.d()};function Z(e,n){var t=new te(e,n);try{t.c()}catch(i){throw t.d(),i}var r=t.d.bind(t);return r[Symbol.dispose]=r,r}var Tn,Ae,Te,_t=typeof window<"u"&&!!window.__PREACT_SIGNALS_DEVTOOLS__;var An=[];Z(function(){Tn=this.N})();function re(e,n){w[e]=n.bind(null,w[e]||function(){})}function de(e){if(Te){var n=Te;Te=void 0,n()}Te=e&&e.S()}function Nn(e){var n=this,t=e.data,r=ht(t);r.name="ReactiveDom",r.value=t;var i=ce(function(){for(var u=n,d=n.__v;d=d.__;)if(d.__c){d.__c.__$f|=4;break}var c=Pe(function(){var l=r.value.value;return l===0?0:l===!0?"":l||""}),f=Pe(function(){return!Array.isArray(c.value)&&!Le(c.value)}),_=Z(function(){if(this.N=Dn,f.value){var l=c.value;u.__v&&u.__v.__e&&u.__v.__e.nodeType===3&&(u.__v.__e.data=l)}}),a=n.__$u.d;return n.__$u.d=function(){_(),a.call(this)},[f,c]},[]),o=i[0],s=i[1];return o.value?s.peek():s.value}Nn.displayName="ReactiveTextNode";Object.defineProperties(D.prototype,{constructor:{configurable:!0,value:Oe(H,null).constructor},type:{configurable:!0,value:Nn},props:{configurable:!0,get:function(){var e=this;return{data:{get value(){return e.value}}}}},__b:{configurable:!0,value:1}});re("__b",function(e,n){if(de(),Ae=void 0,typeof n.type=="string"){var t,r=n.props;for(var i in r)if(i!=="children"){var o=r[i];o instanceof D&&(t||(n.__np=t={}),t[i]=o,r[i]=o.peek())}}e(n)});re("__r",function(e,n){if(e(n),n.type!==H){de();var t,r=n.__c;r&&(r.__$f&=-2,(t=r.__$u)===void 0&&(r.__$u=t=function(i,o){var s;return Z(function(){s=this},{name:o}),s.c=i,s}(function(i){return function(){var o;_t&&((o=this.y)==null||o.call(this)),i.__$f|=1,i.setState({})}}(r),typeof n.type=="function"?n.type.displayName||n.type.name:""))),Ae=r,de(t)}});re("__e",function(e,n,t,r){de(),Ae=void 0,e(n,t,r)});re("diffed",function(e,n){de(),Ae=void 0;var t;if(typeof n.type=="string"&&(t=n.__e)){var r=n.__np,i=n.props,o=t.U;if(o)for(var s in o){var u=o[s];u===void 0||r&&s in r||(u.d(),o[s]=void 0)}if(r){o||(o={},t.U=o);for(var d in r){var c=o[d],f=r[d];c===void 0?(c=pt(t,d,f,i),o[d]=c):c.o(f,i)}}}e(n)});function pt(e,n,t,r){var i=n in e&&e.ownerSVGElement===void 0,o=J(t);return{o:function(s,u){o.value=s,r=u},d:Z(function(){this.N=Dn;var s=o.value.value;r[n]!==s&&(r[n]=s,i?e[n]=s:s!=null&&(s!==!1||n[4]==="-")?e.setAttribute(n,s):e.removeAttribute(n))})}}re("unmount",function(e,n){if(typeof n.type=="string"){var t=n.__e;if(t){var r=t.U;if(r){t.U=void 0;for(var i in r){var o=r[i];o&&o.d()}}}var s=n.__np;if(s){var u=n.props;for(var d in s)u[d]=s[d]}n.__np=void 0}else{var c=n.__c;if(c){c.__$f|=8;var f=c.__$u;f&&(c.__$u=void 0,f.d())}}e(n)});re("__h",function(e,n,t,r){r<3&&(n.__$f|=2),e(n,t,r)});ne.prototype.shouldComponentUpdate=function(e,n){if(this.__R)return!0;var t=this.__$u,r=t&&t.s!==void 0;for(var i in n)return!0;if(this.__f||typeof this.u=="boolean"&&this.u===!0){var o=2&this.__$f;if(!(r||o||4&this.__$f)||1&this.__$f)return!0}else if(!(r||4&this.__$f)||3&this.__$f)return!0;for(var s in e)if(s!=="__source"&&e[s]!==this.props[s])return!0;for(var u in this.props)if(!(u in e))return!0;return!1};function ht(e,n){return ce(function(){return J(e,n)},[])}var mt=function(e){queueMicrotask(function(){queueMicrotask(e)})};function vt(){ze(function(){for(var e;e=An.shift();)Tn.call(e)})}function Dn(){An.push(this)===1&&(w.requestAnimationFrame||mt)(vt)}function In(e){return typeof e=="object"&&e!==null}var Rn="x-graphql-event-stream-token";function Fn(e){if(e=e,e!=="next"&&e!=="complete")throw new Error(`Invalid stream event "${e}"`);return e}function Ln(e,n){if(n)try{n=JSON.parse(n)}catch{throw new Error("Invalid stream data")}if(e==="next"&&!n)throw new Error('Stream data must be an object for "next" events');return n||null}var X;(function(e){e[e.NewLine=10]="NewLine",e[e.CarriageReturn=13]="CarriageReturn",e[e.Space=32]="Space",e[e.Colon=58]="Colon"})(X||(X={}));function Un(){let e,n,t,r=!1,i={event:"",data:""},o=[],s=new TextDecoder;return function(d){if(e===void 0)e=d,n=0,t=-1;else{let _=new Uint8Array(e.length+d.length);_.set(e),_.set(d,e.length),e=_}let c=e.length,f=0;for(;n<c;){r&&(e[n]===X.NewLine&&(f=++n),r=!1);let _=-1;for(;n<c&&_===-1;++n)switch(e[n]){case X.Colon:t===-1&&(t=n-f);break;case X.CarriageReturn:r=!0;case X.NewLine:_=n;break}if(_===-1)break;if(f===_){if(i.event||i.data){if(!i.event)throw new Error("Missing message event");let a=Fn(i.event),l=Ln(a,i.data);o.push({event:a,data:l}),i={event:"",data:""}}}else if(t>0){let a=e.subarray(f,_),l=s.decode(a.subarray(0,t)),b=t+(a[t+1]===X.Space?2:1),g=s.decode(a.subarray(b));switch(l){case"event":i.event=g;break;case"data":i.data=i.data?i.data+`
`+g:g;break}}f=n,t=-1}if(f===c){e=void 0;let _=[...o];return o=[],_}else f!==0&&(e=e.subarray(f),n-=f)}}function On(e){let{singleConnection:n=!1,lazy:t=!0,lazyCloseTimeout:r=0,onNonLazyError:i=console.error,generateID:o=function(){return"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g,M=>{let y=Math.random()*16|0;return(M=="x"?y:y&3|8).toString(16)})},retryAttempts:s=5,retry:u=async function(M){let y=1e3;for(let h=0;h<M;h++)y*=2;await new Promise(h=>setTimeout(h,y+Math.floor(Math.random()*2700+300)))},credentials:d="same-origin",referrer:c,referrerPolicy:f,onMessage:_,on:a}=e,l=e.fetchFn||fetch,b=e.abortControllerImpl||AbortController,g=(()=>{let S=!1,M=[];return{get disposed(){return S},onDispose(y){return S?(setTimeout(()=>y(),0),()=>{}):(M.push(y),()=>{M.splice(M.indexOf(y),1)})},dispose(){if(!S){S=!0;for(let y of[...M])y()}}}})(),m,v,p=0,x=null,$=0;async function L(){try{if(g.disposed)throw new Error("Client has been disposed");return await(v??(v=(async()=>{var S,M,y;if(x){if(await u($),m.signal.aborted)throw new Error("Connection aborted by the client");$++}(S=a?.connecting)===null||S===void 0||S.call(a,!!x),m=new b;let h=g.onDispose(()=>m.abort());m.signal.addEventListener("abort",()=>{h(),v=void 0});let I=e,E=typeof I.url=="function"?await I.url(void 0):I.url;if(m.signal.aborted)throw new Error("Connection aborted by the client");let N=typeof I.headers=="function"?await I.headers(void 0):(M=I.headers)!==null&&M!==void 0?M:{};if(m.signal.aborted)throw new Error("Connection aborted by the client");let T;try{T=await l(E,{signal:m.signal,method:"PUT",credentials:d,referrer:c,referrerPolicy:f,headers:N})}catch(U){throw new F(U)}if(T.status!==201)throw new F(T);let K=await T.text();N[Rn]=K;let V=await qn({signal:m.signal,headers:N,credentials:d,referrer:c,referrerPolicy:f,url:E,fetchFn:l,onMessage:U=>{var R;(R=a?.message)===null||R===void 0||R.call(a,U),_?.(U)}});return(y=a?.connected)===null||y===void 0||y.call(a,!!x),V.waitForThrow().catch(()=>v=void 0),V})()))}catch(S){throw v=void 0,S}}n&&!t&&(async()=>{for(p++;;)try{let{waitForThrow:S}=await L();await S()}catch(S){if(g.disposed)return;if(!(S instanceof F)||(v=void 0,!s||$>=s))return i?.(S);x=S}})();function W(S,M,y){if(!n){let E=new b,N=g.onDispose(()=>{N(),E.abort()});return(async()=>{var T,K,V,U,R;let q=null,ee=0;for(;;)try{if(q){if(await u(ee),E.signal.aborted)throw new Error("Connection aborted by the client");ee++}(T=a?.connecting)===null||T===void 0||T.call(a,!!q),(K=y?.connecting)===null||K===void 0||K.call(y,!!q);let O=e,Jn=typeof O.url=="function"?await O.url(S):O.url;if(E.signal.aborted)throw new Error("Connection aborted by the client");let Qn=typeof O.headers=="function"?await O.headers(S):(V=O.headers)!==null&&V!==void 0?V:{};if(E.signal.aborted)throw new Error("Connection aborted by the client");let{getResults:Yn}=await qn({signal:E.signal,headers:{...Qn,"content-type":"application/json; charset=utf-8"},credentials:d,referrer:c,referrerPolicy:f,url:Jn,body:JSON.stringify(S),fetchFn:l,onMessage:oe=>{var Ne,De;(Ne=a?.message)===null||Ne===void 0||Ne.call(a,oe),(De=y?.message)===null||De===void 0||De.call(y,oe),_?.(oe)}});(U=a?.connected)===null||U===void 0||U.call(a,!!q),(R=y?.connected)===null||R===void 0||R.call(y,!!q);for await(let oe of Yn())q=null,ee=0,M.next(oe);return E.abort()}catch(O){if(E.signal.aborted)return;if(!(O instanceof F)||!s||ee>=s)throw O;q=O}})().then(()=>M.complete()).catch(T=>M.error(T)),()=>E.abort()}p++;let h=new b,I=g.onDispose(()=>{I(),h.abort()});return(async()=>{let E=o();S={...S,extensions:{...S.extensions,operationId:E}};let N=null;for(;;){N=null;try{let{url:T,headers:K,getResults:V}=await L(),U;try{U=await l(T,{signal:h.signal,method:"POST",credentials:d,referrer:c,referrerPolicy:f,headers:{...K,"content-type":"application/json; charset=utf-8"},body:JSON.stringify(S)})}catch(R){throw new F(R)}if(U.status!==202)throw new F(U);N=async()=>{let R;try{let q=new b,ee=g.onDispose(()=>{ee(),q.abort()});R=await l(T+"?operationId="+E,{signal:q.signal,method:"DELETE",credentials:d,referrer:c,referrerPolicy:f,headers:K})}catch(q){throw new F(q)}if(R.status!==200)throw new F(R)};for await(let R of V({signal:h.signal,operationId:E}))x=null,$=0,M.next(R);return N=null,h.abort()}catch(T){if(h.signal.aborted)return await N?.();if(!(T instanceof F)||(t&&(v=void 0),!s||$>=s))throw h.abort(),T;x=T}finally{h.signal.aborted&&--p===0&&(isFinite(r)&&r>0?setTimeout(()=>{p||m.abort()},r):m.abort())}}})().then(()=>M.complete()).catch(E=>M.error(E)),()=>h.abort()}return{subscribe:W,iterate(S,M){let y=[],h={done:!1,error:null,resolve:()=>{}},I=W(S,{next(N){y.push(N),h.resolve()},error(N){h.done=!0,h.error=N,h.resolve()},complete(){h.done=!0,h.resolve()}},M),E=async function*(){for(;;){for(y.length||await new Promise(T=>h.resolve=T);y.length;)yield y.shift();if(h.error)throw h.error;if(h.done)return}}();return E.throw=async N=>(h.done||(h.done=!0,h.error=N,h.resolve()),{done:!0,value:void 0}),E.return=async()=>(I(),{done:!0,value:void 0}),E},dispose(){g.dispose()}}}var F=class extends Error{constructor(n){let t,r;yt(n)?(r=n,t="Server responded with "+n.status+": "+n.statusText):n instanceof Error?t=n.message:t=String(n),super(t),this.name=this.constructor.name,this.response=r}};function yt(e){return In(e)&&typeof e.ok=="boolean"&&typeof e.status=="number"&&typeof e.statusText=="string"}async function qn(e){let{signal:n,url:t,credentials:r,headers:i,body:o,referrer:s,referrerPolicy:u,fetchFn:d,onMessage:c}=e,f={},_={},a;try{a=await d(t,{signal:n,method:o?"POST":"GET",credentials:r,referrer:s,referrerPolicy:u,headers:{...i,accept:"text/event-stream"},body:o})}catch(g){throw new F(g)}if(!a.ok)throw new F(a);if(!a.body)throw new Error("Missing response body");let l=null,b;return(async()=>{var g;try{let m=Un();for await(let v of gt(a.body)){if(typeof v=="string")throw l=new Error(`Unexpected string chunk "${v}"`);let p;try{p=m(v)}catch(x){throw l=x}if(p)for(let x of p){try{c?.(x)}catch(L){throw l=L}let $=x.data&&"id"in x.data?x.data.id:"";switch($ in _||(_[$]=[]),x.event){case"next":$?_[$].push(x.data.payload):_[$].push(x.data);break;case"complete":_[$].push("complete");break;default:throw l=new Error(`Unexpected message event "${x.event}"`)}(g=f[$])===null||g===void 0||g.proceed()}}if(Object.keys(f).length)throw new Error("Connection closed while having active streams")}catch(m){!l&&Object.keys(f).length?l=new F(m):l=m,b?.(l)}finally{Object.values(f).forEach(({proceed:m})=>m())}})(),{url:t,headers:i,waitForThrow:()=>new Promise((g,m)=>{if(l)return m(l);b=m}),async*getResults(g){var m;let{signal:v,operationId:p=""}=g??{};try{for(;;){for(;!((m=_[p])===null||m===void 0)&&m.length;){let x=_[p].shift();if(x==="complete")return;yield x}if(l)throw l;if(v?.aborted)throw new Error("Getting results aborted by the client");await new Promise(x=>{let $=()=>{v?.removeEventListener("abort",$),delete f[p],x()};v?.addEventListener("abort",$),f[p]={proceed:$}})}}finally{delete _[p]}}}}function gt(e){return typeof Object(e)[Symbol.asyncIterator]=="function"?(e=e,e):async function*(){let n=e.getReader(),t;do t=await n.read(),t.value!==void 0&&(yield t.value);while(!t.done)}()}var jn="/graphql",Qe="geodesic.key",bt=1e4,j=class extends Error{code;constructor(n,t){super(t),this.code=n}},_e=J(sessionStorage.getItem(Qe)),Bn=J(null),pe=J(!1);function Xt(e){e===null?sessionStorage.removeItem(Qe):sessionStorage.setItem(Qe,e),_e.value=e,Bn.value=null}function Hn(e,n){return{query:e.text,operationName:e.name,variables:n}}function Gn(e=_e.value){return e===null?{}:{authorization:`Bearer ${e}`}}async function er(e,n,t,r=_e.value){let i=await fetch(jn,{method:"POST",headers:{...Gn(r),"content-type":"application/json",accept:"application/json"},body:JSON.stringify(Hn(e,n)),signal:t??null}).catch(s=>{throw t?.aborted?s:Vn()});pe.value=!1;let o=await i.json().catch(()=>{throw new j("BAD_ANSWER",`The gateway answered ${i.status} without JSON`)});if(i.status===401)throw Kn(r);return Wn(o)}function Wn(e){let n=Array.isArray(e.errors)?e.errors[0]:void 0;if(n!==void 0)throw new j(String(n.extensions?.code??"UNKNOWN"),String(n.message));return e.data}function Kn(e=_e.value){return e===_e.value&&(Bn.value=e===null?"missing":"rejected"),new j("UNAUTHENTICATED","This gateway needs a key that it knows")}function Vn(){return pe.value=!0,new j("OFFLINE","The gateway does not answer")}var xt=/(Finished|Failed|Cancelled)$/;async function nr(e,n,t){let r=n.afterSeq;for(let i=500;;i=Math.min(i*2,bt)){try{for await(let o of wt(e,{id:n.id,afterSeq:r},t.signal)){let s=Object.values(o)[0];if(pe.value=!1,i=500,!(s.seq<=r)&&(r=s.seq,t.onEvent(s),xt.test(s.__typename)))return}}catch(o){if(t.signal.aborted)return;if(!(o instanceof j)||o.code!=="OFFLINE")throw o}if(t.signal.aborted)return;await new Promise(o=>setTimeout(o,i))}}async function*wt(e,n,t){let r=On({url:jn,headers:()=>Gn(),retryAttempts:0}),i=r.iterate(Hn(e,n)),o=()=>r.dispose();t.addEventListener("abort",o,{once:!0});try{for await(let s of i)yield Wn(s)}catch(s){if(s instanceof j||t.aborted)throw s;let u=s.response?.status;throw u===401?Kn():u!==void 0&&u>=400&&u<500?new j("REFUSED",`The gateway refused the stream (${u})`):Vn()}finally{t.removeEventListener("abort",o),r.dispose()}}function tr(e){if("code"in e){let{code:n,message:t}=e;throw new j(n,t)}return e}var zn=["B","kB","MB","GB","TB"];function or(e){let n=Number(e),t=0;for(;n>=1e3&&t<zn.length-1;t++)n/=1e3;return`${he(n)} ${zn[t]}`}function ir(e){let n=Number(e);return n>=1e9?`${he(n/1e9)}B`:n>=1e6?`${he(n/1e6)}M`:n>=1e3?`${he(n/1e3)}k`:String(n)}function ar(e){return e>=1024?`${he(e/1024)}k`:String(e)}function he(e){return e>=100?e.toFixed(0):String(Number(e.toPrecision(3)))}function sr(e){return new Date(e).toLocaleDateString("en",{day:"numeric",month:"short",year:"numeric"})}function cr(e){return new Date(e).toLocaleString("en",{dateStyle:"medium",timeStyle:"short"})}function ur(e){return Number(e).toLocaleString("en")}function lr(e){return e<1?`${Math.round(e*1e3)} ms`:e<90?`${e<10?e.toFixed(1):Math.round(e)} s`:`${Math.round(e/60)} min`}function fr(e){return Math.acos(Math.min(1,Math.max(-1,e)))*180/Math.PI}var dr={BFLOAT16:"bfloat16",FLOAT16:"float16",FLOAT32:"float32",FLOAT8_E4M3:"FP8"},_r={FP8_E4M3:"FP8",NONE:"None"};function pr(e){return e[0]+e.slice(1).toLowerCase().replaceAll("_"," ")}var mr={name:"DefaultsPage",kind:"query",sha256:"2344c09baa4ab27feaa34737c54342d87b195a35b37494c9be7bd51c0d794734",text:`query DefaultsPage($model: ModelRef) {
  samplingDefaults(model: $model) {
    history(first: 50) {
      totalCount
      edges {
        node {
          ...Revision
        }
      }
    }
  }
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Revision on SamplingRevision {
  id
  revision
  author
  reason
  createdAt
  changes {
    parameter
    before
    after
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},vr={name:"UpdateDefaults",kind:"mutation",sha256:"d6a34182b669dd216ddce5bb3b4266d999d50159a2d5dbee2cb8c3f3c0c8d539",text:`mutation UpdateDefaults($input: UpdateSamplingDefaultsInput!) {
  updateSamplingDefaults(input: $input) {
    __typename
    ... on UpdateSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},yr={name:"RevertDefaults",kind:"mutation",sha256:"d4c1e683b5c20a21277dbd68e5062509a10079474fc9f563859ec4c99fb25c6c",text:`mutation RevertDefaults($input: RevertSamplingDefaultsInput!) {
  revertSamplingDefaults(input: $input) {
    __typename
    ... on RevertSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},gr={name:"Merges",kind:"query",sha256:"30838a3e6edb3ac8942fb9512900951b2d86862cf58396dfe42e7faf190a0d2d",text:`query Merges($first: Int!) {
  merges(first: $first) {
    totalCount
    edges {
      node {
        ...MergeRow
      }
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},br={name:"StartMerge",kind:"mutation",sha256:"5e8076634f4c1242f48f590c6fd530c1fbbf25d65c3d52ee37419916dbeab5ad",text:`mutation StartMerge($input: StartMergeInput!) {
  startMerge(input: $input) {
    __typename
    ... on StartMergePayload {
      merge {
        ...MergeRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},xr={name:"CancelMerge",kind:"mutation",sha256:"c041040a829fe0d4a7d45ffd3e4f7c1c4df240e4ed39cdbc3838a9e088a5c94c",text:`mutation CancelMerge($input: CancelMergeInput!) {
  cancelMerge(input: $input) {
    __typename
    ... on CancelMergePayload {
      merge {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},wr={name:"WatchMerge",kind:"subscription",sha256:"5ead09d03ed894a93dc9fb3841ca5b99e42c6ed6071bf988f8ea844a13d5e0d5",text:`subscription WatchMerge($id: ID!, $afterSeq: Int!) {
  mergeEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on MergeQueued {
      position
    }
    ... on MergeProgress {
      stage
      doneBytes
      totalBytes
      doneTensors
      totalTensors
      bytesPerSecond
      secondsLeft
    }
    ... on MergeFinished {
      artifactSha256
      model {
        name
      }
    }
    ... on MergeFailed {
      code
      message
    }
  }
}`},Sr={name:"Keys",kind:"query",sha256:"db74ab7713d6c4f80647074b520af4e470c5adc67bf87fae7d46b2000cb8ad34",text:`query Keys {
  apiKeys {
    id
    label
    prefix
    role
    createdAt
    revokedAt
  }
}`},kr={name:"CreateKey",kind:"mutation",sha256:"8e888b5e2905221b8f259621e7356bc37b4ff159ce63e39144289b45237f8ca5",text:`mutation CreateKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload {
      secret
      apiKey {
        id
        label
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Mr={name:"RevokeKey",kind:"mutation",sha256:"1e7332d43f00d8158c6d7e2b578be0e1d40209033bfe4f706c6f2fd156861997",text:`mutation RevokeKey($input: RevokeApiKeyInput!) {
  revokeApiKey(input: $input) {
    __typename
    ... on RevokeApiKeyPayload {
      revokedId
    }
    ... on Error {
      code
      message
    }
  }
}`},Cr={name:"EngineState",kind:"query",sha256:"90a23de465beba1876d1ea661a207d1c6db0aa71477443126771a278e996efbc",text:`query EngineState {
  runtime {
    batchSize
    running
    waiting
    tokensPerSecond
    generatedTokens
    kvBlocksTotal
    kvBlocksUsed
    steps
    stepsPerSubmit
    dispatchesPerStep
    device {
      adapter
      backend
      vendor
      software
    }
    engine {
      state
      reason
      restarts
      attempt
      retryAt
    }
    models {
      key
      running
      waiting
      weightBytes
      kvCacheBytes
      kvBlocksTotal
      kvBlocksUsed
      kvBlocksCached
      preemptions
      prefixCacheHits
      prefixCacheQueries
    }
  }
}`},$r={name:"Models",kind:"query",sha256:"3a9d719b70bf9c490c902095659da3059b04f58cdc867f27cf4076f5f98cb9e3",text:`query Models($first: Int!, $after: String, $where: ModelFilter) {
  models(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        ...Card
        parents {
          name
        }
        provenance {
          method
        }
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    state
    fraction
    stage
    since
    error {
      code
      message
    }
  }
}`},Er={name:"ModelNames",kind:"query",sha256:"3a8a5cf9ed7fade380db236a2020e8f7652137a3d119554a843db649be6f3d1d",text:`query ModelNames {
  models(first: 100) {
    edges {
      node {
        ...Residency
        concurrencyCost
        parents {
          name
        }
      }
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    state
    fraction
    stage
    since
    error {
      code
      message
    }
  }
}`},Pr={name:"ModelPage",kind:"query",sha256:"5646a5ffa14845e9fdbf3fbd6d2e50efd89d3a0e0573f72424c8e1439e46cf42",text:`query ModelPage($ref: ModelRef!) {
  model(ref: $ref) {
    ...Card
    description
    artifact {
      manifestSha256
      sizeBytes
      files {
        path
        sha256
        sizeBytes
      }
    }
    parents {
      ...Card
      provenance {
        method
      }
      artifact {
        manifestSha256
      }
    }
    descendants {
      id
      name
    }
    provenance {
      id
      method
      dtype
      status
      toolVersion
      configYaml
      configSha256
      startedAt
      finishedAt
      baseModel {
        name
      }
      sources {
        name
        layerRange
        isBase
        artifactSha256
        model {
          name
        }
      }
      parameters {
        name
        filter
        value
        gradient
      }
      curves {
        filter
        t
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    state
    fraction
    stage
    since
    error {
      code
      message
    }
  }
}`},Tr={name:"ModelResidency",kind:"query",sha256:"91e8b243b38985d24215a66672e47896433d9e0ecdfd9601a7b94e7116fc6db9",text:`query ModelResidency($ref: ModelRef!) {
  model(ref: $ref) {
    ...Residency
  }
}

fragment Residency on Model {
  id
  name
  residency {
    state
    fraction
    stage
    since
    error {
      code
      message
    }
  }
}`},Ar={name:"MergeTensors",kind:"query",sha256:"04510802c24cb78f8ee9955f80358c22ced620466d249f6b1090fec8f0351199",text:`query MergeTensors($id: ID!, $first: Int!, $after: String, $where: MergeTensorFilter, $orderBy: MergeTensorOrder) {
  merge(id: $id) {
    id
    tensors(first: $first, after: $after, where: $where, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          name
          layer
          filter
          t
          mode
          cosine
          outputSha256
        }
      }
    }
  }
}`},Nr={name:"LoadModel",kind:"mutation",sha256:"7efa393c6819ed4597c184988e43909b7802cb84c42e2243eb2125c4804b387e",text:`mutation LoadModel($input: LoadModelInput!) {
  loadModel(input: $input) {
    __typename
    ... on LoadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    state
    fraction
    stage
    since
    error {
      code
      message
    }
  }
}`},Dr={name:"UnloadModel",kind:"mutation",sha256:"753981af40c9923ce405b7c8a7732a63fb0eacf736ac922c5a9205c29b90741a",text:`mutation UnloadModel($input: UnloadModelInput!) {
  unloadModel(input: $input) {
    __typename
    ... on UnloadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    state
    fraction
    stage
    since
    error {
      code
      message
    }
  }
}`},Ir={name:"Sessions",kind:"query",sha256:"4f3ce53c8931a9e3137fe5889cacbd7600a7e1dc42d087640c05e7db976228c3",text:`query Sessions($first: Int!, $after: String) {
  sessions(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
  }
}`},Rr={name:"SessionPage",kind:"query",sha256:"6889056a0554926ea0338838b20bbf7e8143d658d1b05020bad1e89c76ae51cc",text:`query SessionPage($id: ID!, $after: String) {
  session(id: $id) {
    id
    title
    contextPolicy
    model {
      id
      name
    }
    openGeneration {
      id
    }
    messages(first: 50, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...Said
        }
      }
    }
  }
}

fragment Said on Message {
  id
  role
  content
  createdAt
  branchIndex
  branchCount
  siblings {
    id
  }
  generation {
    id
    status
    finishReason
    artifactSha256
    usage {
      promptTokens
      completionTokens
      cachedTokens
    }
    timings {
      ttftMs
      decodeTokensPerSecond
    }
  }
}`},Fr={name:"CreateSession",kind:"mutation",sha256:"b4edf41ddb830166c81ce3746bd876638f05045eea12c2590bd3b0b7c7dd5408",text:`mutation CreateSession($input: CreateSessionInput!) {
  createSession(input: $input) {
    __typename
    ... on CreateSessionPayload {
      session {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Lr={name:"DeleteSession",kind:"mutation",sha256:"e805f8cdf8de500895dee1d52aa1df2f1372b2c4d39bcf8cfaa0280530b41eba",text:`mutation DeleteSession($input: DeleteSessionInput!) {
  deleteSession(input: $input) {
    __typename
    ... on DeleteSessionPayload {
      deletedId
    }
    ... on Error {
      code
      message
    }
  }
}`},Ur={name:"Parameters",kind:"query",sha256:"687543e11e11b889bb3f7e4c8295d02d970bcbbbf8cb09ac49c8d80cf6842747",text:`query Parameters($model: ModelRef) {
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},qr={name:"StartGeneration",kind:"mutation",sha256:"0c81abb73ccb16f0b334bd7b74fab2fd4b3be865c3dff1b15c150522107dbe87",text:`mutation StartGeneration($input: GenerateInput!) {
  startGeneration(input: $input) {
    __typename
    ... on StartGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Or={name:"CancelGeneration",kind:"mutation",sha256:"596f0a9b5919ab358a505a53a8670913e5af9247ef2c239df0905bbd2e1d0c8b",text:`mutation CancelGeneration($input: CancelGenerationInput!) {
  cancelGeneration(input: $input) {
    __typename
    ... on CancelGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},jr={name:"WatchGeneration",kind:"subscription",sha256:"c0995ca19784d1bb088845e83a4c71df92bde0fcb7ac5a4a0071b975bc6b6917",text:`subscription WatchGeneration($id: ID!, $afterSeq: Int!) {
  generationEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on GenerationQueued {
      position
    }
    ... on GenerationLoading {
      stage
      fraction
    }
    ... on PromptProcessed {
      promptTokens
      cachedTokens
    }
    ... on TokensGenerated {
      text
      tokens {
        id
        text
        logprob
        top {
          id
          text
          logprob
        }
      }
    }
    ... on GenerationFinished {
      finishReason
      text
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
      timings {
        queueMs
        prefillMs
        ttftMs
        decodeMs
        decodeTokensPerSecond
      }
    }
    ... on ContextTrimmed {
      droppedMessages
      keptMessages
    }
    ... on GenerationFailed {
      code
      message
    }
    ... on GenerationCancelled {
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
    }
  }
}`},Br={name:"Regenerate",kind:"mutation",sha256:"bfa1c7d1c286ee2d5f7aa68d7de92563ca65ac279bd2f7d5914b48c796e031b3",text:`mutation Regenerate($input: RegenerateInput!) {
  regenerate(input: $input) {
    __typename
    ... on RegeneratePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Hr={name:"EditMessage",kind:"mutation",sha256:"9c714f9a5c18e159c14f51b95f5a0bfe5740f45e05186a155b50af423f301b30",text:`mutation EditMessage($input: EditMessageInput!) {
  editMessage(input: $input) {
    __typename
    ... on EditMessagePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Gr={name:"SelectBranch",kind:"mutation",sha256:"7319991eb1a8812937370138efffcd6e2de1458989b64ff7f46fa48cd13ff325",text:`mutation SelectBranch($input: SelectBranchInput!) {
  selectBranch(input: $input) {
    __typename
    ... on SelectBranchPayload {
      session {
        id
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Wr={name:"SetContextPolicy",kind:"mutation",sha256:"48b5604b5706d2b7e5d1f01e0746b468e785926232c06a50fedacc2c331fec90",text:`mutation SetContextPolicy($input: SetContextPolicyInput!) {
  setContextPolicy(input: $input) {
    __typename
    ... on SetContextPolicyPayload {
      session {
        id
        contextPolicy
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Kr={name:"ExportSession",kind:"query",sha256:"7509b12a047bb48a4043a5972c66d407d5c45c5fbc503556bd916be65e8c2b19",text:`query ExportSession($id: ID!, $format: ExportFormat!) {
  exportSession(id: $id, format: $format) {
    content
    fileName
    mediaType
  }
}`},Vr={name:"DefaultsChanged",kind:"subscription",sha256:"0849d7c0d3e781f56b05b38c7f98b3ffacd1f1b8532cd7483fc738b53736bbad",text:`subscription DefaultsChanged($model: ModelRef) {
  samplingDefaultsChanged(model: $model) {
    values {
      temperature
    }
  }
}`},zr={name:"Viewer",kind:"query",sha256:"649702a865e491aaa80ca96ac68661adb25e9790e30270504e61a1b715774cce",text:`query Viewer {
  viewer {
    id
    role
    concurrencyUnitsAllowed
    concurrencyUnitsHeld
  }
}`};function St({text:e,label:n,small:t}){let[r,i]=wn("no");return Ke(()=>{if(r==="no")return;let s=setTimeout(()=>i("no"),1800);return()=>clearTimeout(s)},[r]),k("button",{type:"button",class:t?"quiet small":"quiet",onClick:()=>void(navigator.clipboard?.writeText(e)??Promise.reject()).then(()=>i("yes"),()=>i("failed")),"aria-label":t?n:void 0,children:[r==="yes"?"Copied":r==="failed"?"Not allowed":t?"Copy":n,k("span",{class:"unseen",role:"status",children:r==="yes"?"Copied":""})]})}function Xr({value:e,what:n}){return k("span",{class:"hash",children:[k("code",{title:e,children:[e.slice(0,12),"\u2026"]}),k(St,{text:e,label:`Copy the SHA-256 of ${n}`,small:!0})]})}function eo({error:e,retry:n}){return k("div",{class:"problem",role:"alert",children:[k("p",{children:[k("strong",{children:e.code==="OFFLINE"?"Offline":"That did not work"})," ",e.message,e.code!=="OFFLINE"&&k("code",{children:e.code})]}),n&&k("button",{type:"button",class:"quiet",onClick:n,children:"Try again"})]})}function no({what:e}){return k("div",{class:"loading",role:"status",children:[k("span",{class:"orbit","aria-hidden":"true"}),k("span",{children:[pe.value?"Waiting for the gateway":`Loading ${e}`," \u2026"]})]})}function to({title:e,children:n}){return k("div",{class:"empty",children:[k("svg",{viewBox:"0 0 48 48","aria-hidden":"true",children:[k("circle",{cx:"24",cy:"24",r:"20"}),k("ellipse",{cx:"24",cy:"24",rx:"8",ry:"20"}),k("path",{d:"M4 24h40"})]}),k("p",{class:"empty-title",children:e}),n]})}function ro({value:e,label:n}){return k("progress",{value:e,max:1,"aria-label":n,children:[Math.round(e*100)," %"]})}var kt={COLD:"Cold",WARM:"Warm",UNLOADING:"Unloading",FAILED:"Failed",MISSING_WEIGHTS:"No weights"};function oo({residency:e}){let n=e.state==="LOADING"?`Loading ${Math.round(e.fraction*100)} %`:kt[e.state]??e.state;return k("span",{class:`badge ${e.state.toLowerCase()}`,title:e.error?.message??e.stage??"",children:[k("span",{class:"dot","aria-hidden":"true"}),n]})}function io({title:e,note:n,children:t,id:r}){return k("section",{class:"section",id:r,children:[k("header",{children:[k("h2",{children:e}),n&&k("p",{class:"note",children:n})]}),t]})}export{H as a,Mt as b,k as c,wn as d,Ke as e,st as f,Nt as g,J as h,j as i,_e as j,Bn as k,pe as l,Xt as m,er as n,nr as o,wt as p,tr as q,or as r,ir as s,ar as t,sr as u,cr as v,ur as w,lr as x,fr as y,dr as z,_r as A,pr as B,mr as C,vr as D,yr as E,gr as F,br as G,xr as H,wr as I,Sr as J,kr as K,Mr as L,Cr as M,$r as N,Er as O,Pr as P,Tr as Q,Ar as R,Nr as S,Dr as T,Ir as U,Rr as V,Fr as W,Lr as X,Ur as Y,qr as Z,Or as _,jr as $,Br as aa,Hr as ba,Gr as ca,Wr as da,Kr as ea,Vr as fa,zr as ga,St as ha,Xr as ia,eo as ja,no as ka,to as la,ro as ma,oo as na,io as oa};
